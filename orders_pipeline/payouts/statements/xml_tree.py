"""Parses untrusted XML. Document types are refused, so no entity is expanded and nothing is fetched."""

from __future__ import annotations

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from orders_pipeline.base.refusals import FileRefused

SEPARATOR = "}"
HINT = "Download the statement from the bank again."


def parse_xml(name: str, content: bytes) -> Element:
    """Returns the root element. Names are `NAMESPACE}NAME`.

    Raises:
        FileRefused: the file is not complete XML, or has a document type.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator=SEPARATOR)
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data

    def refuse_doctype(*_: object) -> None:
        message = f"{name} has a document type declaration, which bank statements do not have."
        raise FileRefused("xml_not_safe", message, HINT)

    parser.StartDoctypeDeclHandler = refuse_doctype
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        message = f"{name} is not complete XML: {expat.ErrorString(error.code)} on line {error.lineno}."
        raise FileRefused("xml_damaged", message, HINT) from None
    except (ValueError, LookupError) as error:
        raise FileRefused("encoding_wrong", f"{name} is in an unknown encoding: {error}.", HINT) from None
    return builder.close()


def local_name(element: Element) -> str:
    """Returns the name of an element without its namespace."""
    return element.tag.rpartition(SEPARATOR)[2]


def namespace_of(element: Element) -> str:
    """Returns the namespace of an element."""
    return element.tag.rpartition(SEPARATOR)[0]


def children(element: Element, name: str) -> list[Element]:
    """Returns the children with this name in any namespace."""
    return [child for child in element if local_name(child) == name]


def at(element: Element, path: str) -> Element | None:
    """Returns the first element at a path such as `Acct/Id/IBAN`."""
    for name in path.split("/"):
        found = children(element, name)
        if not found:
            return None
        element = found[0]
    return element


def text_at(element: Element, path: str) -> str:
    """Returns the text of the first element at a path; empty if there is none."""
    found = at(element, path)
    return ((found.text if found is not None else None) or "").strip()
