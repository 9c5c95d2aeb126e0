"""What a launch may say about how to read an order file; empty: as it was staged."""

from dagster import Config
from pydantic import Field

from orders_pipeline.imports.parsing import ToldAtLaunch
from orders_pipeline.order_files.read_options import ReadOptions


class ReadAs(Config):
    """Overrides for one launch, noted on the import; a file that is parsed keeps how it was read."""

    profile: str = Field("", description="Column profile, or the path of one.")
    max_rejects: str = Field("", description="Refuse a file with more bad lines: a count, or 5%.")
    encoding: str = Field("", description="Such as cp1252.")
    delimiter: str = Field("", description="Such as ;")
    quote: str = Field("", description="Quote character.")
    escape: str = Field("", description="Escape character.")
    date_format: str = Field("", description="DMY, MDY, YMD or a strptime format.")
    decimal: str = Field("", description="Decimal sign, . or ,")
    header_line: int = Field(0, description="Physical line of the header; 0: as found.")

    def told(self) -> ToldAtLaunch:
        """The same for the core, which knows None for what is not said."""
        return ToldAtLaunch(
            profile=self.profile or None,
            max_rejects=self.max_rejects or None,
            options=ReadOptions(
                encoding=self.encoding or None,
                delimiter=self.delimiter or None,
                quote=self.quote or None,
                escape=self.escape or None,
                date_format=self.date_format or None,
                decimal=self.decimal or None,
                header_line=self.header_line or None,
            ),
        )
