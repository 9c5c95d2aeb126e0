"""The Dagster definitions of this project, wired from the settings of this process."""

from dagster import Definitions, ResourceDefinition

from assets.figure_checks import figure_checks
from assets.file_checks import file_checks
from assets.kpis import kpi_assets
from assets.leaderboards import leaderboard_assets
from assets.metadata import with_code_references
from assets.order_checks import order_checks
from assets.order_store import order_store
from assets.orders import order_assets
from assets.payouts import payout_assets, payout_checks
from assets.refunds import refund_assets
from assets.snapshots import pipeline_snapshot
from jobs.captures.capture_orders import capture_orders_job
from jobs.captures.sensors import capture_sensors
from jobs.care.alerts import alert_sensors
from jobs.care.backups import backup_job, backup_schedule
from jobs.care.checks import check_jobs, check_schedules, check_sensors
from jobs.care.dunning import retry_declined_job, retry_declined_schedule
from jobs.care.notices import notice_channels, notice_sensors
from jobs.care.payouts import payout_jobs, payout_schedules
from jobs.care.reservations import upkeep_jobs, upkeep_schedules
from jobs.care.results import result_sensors, results_job
from jobs.care.retention import retention_job, retention_schedule
from jobs.dagster_seams.migrations import read_migrations_once
from jobs.dagster_seams.storage_engines import keep_engines
from jobs.figures.ops import publish_figures_job
from jobs.figures.schedules import figure_jobs, figure_schedules
from jobs.figures.sensors import figure_sensors
from jobs.figures.snapshots import snapshot_sensors
from jobs.imports.runs.import_orders import import_orders_job
from jobs.imports.runs.result import import_result
from jobs.imports.runs.small_files import import_small_files_job
from jobs.imports.sensors import import_sensors
from jobs.refunds.provider_events import provider_events_job, provider_events_schedule
from jobs.refunds.refund_orders import refund_orders_job
from jobs.refunds.sensors import refund_sensors
from jobs.run_log import run_log, use_run_log
from jobs.workers.executor import build_executor
from jobs.workers.run_heartbeat import beats_of
from orders_pipeline.base.settings import Settings, load_settings
from orders_pipeline.refunds.requests.terms import RefundTerms
from orders_pipeline.services.redis_server import redis_url
from orders_pipeline.staging.staging import open_staging
from resources.capture_work import CaptureWorks
from resources.described import described_resource
from resources.figures import FigureStores
from resources.file_imports import FileImports
from resources.order_store import OrderStore
from resources.payment_gateway import PaymentGateways
from resources.refund_work import RefundWorks


def build_definitions(settings: Settings) -> Definitions:
    """Assets, jobs, resources and the executor for these settings."""
    use_run_log(settings)
    read_migrations_once()
    keep_engines()
    return Definitions(
        assets=with_code_references(
            [
                *order_assets(),
                *kpi_assets(settings),
                *leaderboard_assets(),
                *refund_assets(),
                *payout_assets(settings),
                order_store,
                pipeline_snapshot,
            ]
        ),
        asset_checks=[
            *order_checks(),
            *figure_checks(),
            *file_checks(settings.rejects_limit),
            *payout_checks(settings),
        ],
        jobs=[
            import_orders_job(),
            import_small_files_job,
            capture_orders_job,
            refund_orders_job(),
            provider_events_job(settings, RefundTerms.of(settings)),
            publish_figures_job,
            *check_jobs(),
            *figure_jobs(),
            *payout_jobs(),
            *upkeep_jobs(settings),
            retry_declined_job(settings),
            backup_job(settings),
            results_job(settings),
            retention_job(settings),
        ],
        schedules=[
            *figure_schedules(settings),
            *check_schedules(settings),
            *payout_schedules(settings),
            *upkeep_schedules(settings),
            retry_declined_schedule(settings),
            provider_events_schedule(settings),
            backup_schedule(settings),
            retention_schedule(settings),
        ],
        resources=resources(settings),
        sensors=[
            *figure_sensors(settings.work_patience, beats_of(settings)),
            *snapshot_sensors(settings),
            *import_sensors(settings),
            *check_sensors(),
            *capture_sensors(beats_of(settings)),
            *refund_sensors(RefundTerms.of(settings), beats_of(settings)),
            *result_sensors(settings),
            *notice_sensors(notice_channels(settings)),
            *alert_sensors(settings),
        ],
        executor=build_executor(settings, import_result(settings)),
        loggers={"console": run_log(settings)},
    )


def resources(settings: Settings) -> dict[str, ResourceDefinition]:
    """The resources for these settings, by name."""
    stores = OrderStore(settings.store_url, home=settings.home)
    figures = FigureStores(
        stores,
        settings.warehouse,
        redis_url(settings),
        settings.currency,
        settings.timezone,
        settings.console_url,
    )
    values = {
        "order_store": stores,
        "file_imports": FileImports(stores, open_staging(settings), settings),
        "payment_gateway": PaymentGateways(settings),
        "capture_work": CaptureWorks(settings),
        "refund_work": RefundWorks(settings),
        "figures": figures,
    }
    return {name: described_resource(value) for name, value in values.items()}


defs = build_definitions(load_settings())
