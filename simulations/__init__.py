"""Studies: a question, the runs that answer it, and claims that are checked with error bars and negative controls.

`STUDIES` holds them in the order of the story; `run` makes the records of one at a size or for parameters of your own,
`sweep` those of any grid, `load` reads what is stored, `verify` turns records into verdicts.
"""

from simulations import _strangers as _strangers
from simulations import checks as checks
from simulations._batches import Batch as Batch
from simulations._calibrate import Alarms as Alarms
from simulations._calibrate import calibrate as calibrate
from simulations._estimate import Estimate as Estimate
from simulations._estimate import estimate as estimate
from simulations._execute import Progress as Progress
from simulations._executors import NoWorkers as NoWorkers
from simulations._expected import expected as expected
from simulations._ledger import Entry as Entry
from simulations._ledger import all_passed as all_passed
from simulations._ledger import verify as verify
from simulations._motion import Motion as Motion
from simulations._motion import Scene as Scene
from simulations._power_law import PowerLaw as PowerLaw
from simulations._power_law import fit as fit_power_law
from simulations._power_law import power_law as power_law
from simulations._print import print_calibration as print_calibration
from simulations._print import print_ledger as print_ledger
from simulations._print import print_status as print_status
from simulations._print_table import print_table as print_table
from simulations._print_table import print_untested as print_untested
from simulations._progress import differing as differing
from simulations._progress import reporter as reporter
from simulations._records import Record as Record
from simulations._records import Records as Records
from simulations._records import runs as runs
from simulations._registry import GROUPS as GROUPS
from simulations._registry import MOTIONS as MOTIONS
from simulations._registry import STUDIES as STUDIES
from simulations._registry import find as find
from simulations._registry import motion as motion
from simulations._revisions import OtherCode as OtherCode
from simulations._shipping import NotSendable as NotSendable
from simulations._status import Status as Status
from simulations._status import status as status
from simulations._store import DamagedRecord as DamagedRecord
from simulations._store import load as load
from simulations._study import Claim as Claim
from simulations._study import Study as Study
from simulations._study import Together as Together
from simulations._study import claim as claim
from simulations._study import coerce as coerce
from simulations._study import field_docs as field_docs
from simulations._sweep import Plan as Plan
from simulations._sweep import complete as complete
from simulations._sweep import computing as computing
from simulations._sweep import prepare as prepare
from simulations._sweep import run as run
from simulations._sweep import sweep as sweep
from simulations._table import Table as Table
from simulations._table import table as table
from simulations.checks import Verdict as Verdict

__all__ = [
    "GROUPS",
    "MOTIONS",
    "STUDIES",
    "Alarms",
    "Batch",
    "Claim",
    "DamagedRecord",
    "Entry",
    "Estimate",
    "NoWorkers",
    "NotSendable",
    "OtherCode",
    "Plan",
    "PowerLaw",
    "Progress",
    "Record",
    "Records",
    "Scene",
    "Status",
    "Study",
    "Table",
    "Together",
    "Verdict",
    "all_passed",
    "calibrate",
    "checks",
    "claim",
    "coerce",
    "complete",
    "computing",
    "differing",
    "estimate",
    "expected",
    "field_docs",
    "find",
    "fit_power_law",
    "load",
    "motion",
    "power_law",
    "prepare",
    "print_calibration",
    "print_ledger",
    "print_status",
    "print_table",
    "print_untested",
    "reporter",
    "run",
    "runs",
    "status",
    "sweep",
    "table",
    "verify",
]
