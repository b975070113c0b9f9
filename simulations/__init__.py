"""Studies: a question, the runs that answer it, and claims that are checked with error bars and negative controls.

`STUDIES` holds them in the order of the story; `run` makes the records of one at a size or for parameters of your own,
`sweep` those of any grid, `load` reads what is stored, `verify` turns records into verdicts.
"""

from simulations import _strangers as _strangers
from simulations.costs.estimate import Estimate as Estimate
from simulations.costs.estimate import estimate as estimate
from simulations.costs.expected import expected as expected
from simulations.costs.measured import keep_costs as keep_costs
from simulations.records.last import last as last
from simulations.records.record import Record as Record
from simulations.records.record import Records as Records
from simulations.records.record import between as between
from simulations.records.record import runs as runs
from simulations.records.revisions import OtherCode as OtherCode
from simulations.records.status import Status as Status
from simulations.records.status import status as status
from simulations.records.store import DamagedRecord as DamagedRecord
from simulations.records.store import load as load
from simulations.study.animation import Animation as Animation
from simulations.study.experiment import Experiment as Experiment
from simulations.study.experiment import grid as grid
from simulations.study.motion import Motion as Motion
from simulations.study.motion import Scene as Scene
from simulations.study.own_runs import OwnMotion as OwnMotion
from simulations.study.own_runs import own_motion as own_motion
from simulations.study.panel import Panel as Panel
from simulations.study.parameters import choice as choice
from simulations.study.parameters import count as count
from simulations.study.parameters import flag as flag
from simulations.study.parameters import number as number
from simulations.study.published import PublishedFigure as PublishedFigure
from simulations.study.published import Reading as Reading
from simulations.study.published import reading as reading
from simulations.study.registry import GROUPS as GROUPS
from simulations.study.registry import MOTIONS as MOTIONS
from simulations.study.registry import PUBLISHED as PUBLISHED
from simulations.study.registry import STUDIES as STUDIES
from simulations.study.registry import find as find
from simulations.study.registry import motion as motion
from simulations.study.shared import shared as shared
from simulations.study.simulation import Setup as Setup
from simulations.study.simulation import Simulation as Simulation
from simulations.study.simulation import Simulations as Simulations
from simulations.study.study import Claim as Claim
from simulations.study.study import Study as Study
from simulations.study.study import claim as claim
from simulations.study.study import coerce as coerce
from simulations.study.study import field_docs as field_docs
from simulations.sweeps.batches import Batch as Batch
from simulations.sweeps.execution import Progress as Progress
from simulations.sweeps.executors import NoWorkers as NoWorkers
from simulations.sweeps.report import differing as differing
from simulations.sweeps.report import reporter as reporter
from simulations.sweeps.shipping import NotSendable as NotSendable
from simulations.sweeps.sweep import Plan as Plan
from simulations.sweeps.sweep import complete as complete
from simulations.sweeps.sweep import computing as computing
from simulations.sweeps.sweep import execute as execute
from simulations.sweeps.sweep import prepare as prepare
from simulations.sweeps.sweep import run as run
from simulations.sweeps.sweep import sweep as sweep
from simulations.transfers.report import TransferReport as TransferReport
from simulations.transfers.transfer import transfer as transfer
from simulations.verdicts import checks as checks
from simulations.verdicts.calibration import Alarms as Alarms
from simulations.verdicts.calibration import calibrate as calibrate
from simulations.verdicts.checks import Verdict as Verdict
from simulations.verdicts.comparison import compare as compare
from simulations.verdicts.comparison import print_comparison as print_comparison
from simulations.verdicts.ledger import Entry as Entry
from simulations.verdicts.ledger import all_passed as all_passed
from simulations.verdicts.ledger import by_chance as by_chance
from simulations.verdicts.ledger import family_level as family_level
from simulations.verdicts.ledger import verify as verify
from simulations.verdicts.power_law import PowerLaw as PowerLaw
from simulations.verdicts.power_law import fit as fit_power_law
from simulations.verdicts.power_law import power_law as power_law
from simulations.verdicts.summaries import judge as judge
from simulations.verdicts.summaries import summary as summary
from simulations.verdicts.table import Table as Table
from simulations.verdicts.table import table as table
from simulations.verdicts.table_text import print_table as print_table
from simulations.verdicts.table_text import print_untested as print_untested
from simulations.verdicts.text import print_calibration as print_calibration
from simulations.verdicts.text import print_ledger as print_ledger
from simulations.verdicts.text import print_sanity as print_sanity
from simulations.verdicts.text import print_status as print_status

__all__ = [
    "GROUPS",
    "MOTIONS",
    "PUBLISHED",
    "STUDIES",
    "Alarms",
    "Animation",
    "Batch",
    "Claim",
    "DamagedRecord",
    "Entry",
    "Estimate",
    "Experiment",
    "NoWorkers",
    "NotSendable",
    "OtherCode",
    "OwnMotion",
    "Panel",
    "Plan",
    "PowerLaw",
    "Progress",
    "PublishedFigure",
    "Reading",
    "Record",
    "Records",
    "Scene",
    "Setup",
    "Simulation",
    "Simulations",
    "Status",
    "Study",
    "Table",
    "TransferReport",
    "Verdict",
    "all_passed",
    "between",
    "by_chance",
    "calibrate",
    "checks",
    "choice",
    "claim",
    "coerce",
    "compare",
    "complete",
    "computing",
    "count",
    "differing",
    "estimate",
    "execute",
    "expected",
    "family_level",
    "field_docs",
    "find",
    "fit_power_law",
    "flag",
    "grid",
    "judge",
    "keep_costs",
    "last",
    "load",
    "motion",
    "number",
    "own_motion",
    "power_law",
    "prepare",
    "print_calibration",
    "print_comparison",
    "print_ledger",
    "print_sanity",
    "print_status",
    "print_table",
    "print_untested",
    "reading",
    "reporter",
    "run",
    "runs",
    "shared",
    "status",
    "summary",
    "sweep",
    "table",
    "transfer",
    "verify",
]
