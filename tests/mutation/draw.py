"""Draw deliberate mistakes from the source, with a seed: `python -m tests.mutation.draw PACKAGE COUNT SEED`.

A site is a place in the text where one small change makes a semantic mistake:

| rule | change |
|---|---|
| number | a real number is doubled (0 becomes 1), a whole one in arithmetic is one more |
| sign | + becomes − and − becomes +; a leading − is lost |
| product | × becomes / and / becomes × |
| comparison | < becomes >, <= becomes >=, == becomes !=, and the other way round |
| index | a subscript or an end of a slice is one further |
| mean | a mean is a sum, a sum a mean, a largest value a least one, and the other way round |

Every site has the same chance. What a reader sees as text, a type, a message, or the looks of a picture is no site, nor
is the command, nor a setting: in studies and figures the numbers of a module or a class, which say what is simulated
and not how. The drawn mistakes are printed as TOML, to be put into a list before any test is written for them.
"""

import ast
import random
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

LOOKS = {
    *("alpha", "bbox_to_anchor", "bins", "borderaxespad", "capsize", "color", "columnspacing", "constrained_layout"),
    *("dpi", "edgecolor", "elinewidth", "figsize", "fontsize", "gridspec_kw", "handlelength", "height", "hspace"),
    *("labelpad", "left", "levels", "lw", "markersize", "mew", "mfc", "ms", "ncol", "ncols", "nrows", "pad", "right"),
    *("rotation", "s", "stacklevel", "top", "bottom", "width", "width_ratios", "height_ratios", "wspace", "xytext"),
    *("zorder", "linewidth", "y", "size", "maxsize", "indent"),
}
"""Keywords that say how a picture or a text looks."""

PLACED = {
    "legend",
    "text",
    "annotate",
    "subplots",
    "add_subplot",
    "add_gridspec",
    "subplots_adjust",
    "set_xlim",
    "set_ylim",
    "set",
    "title",
    "round",
}
"""Methods whose arguments place what is drawn."""

OPERATORS = {ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*")}
COMPARED = {
    ast.Lt: ("<", ">"),
    ast.Gt: (">", "<"),
    ast.LtE: ("<=", ">="),
    ast.GtE: (">=", "<="),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
}
REDUCED = {"mean": "sum", "sum": "mean", "max": "min", "min": "max", "maximum": "minimum", "minimum": "maximum"}


@dataclass(frozen=True)
class Site:
    """A change of the text between two offsets of a file, and the outermost definition that it is in."""

    path: str
    start: int
    end: int
    new: str
    rule: str
    inside: str


class Finder(ast.NodeVisitor):
    """Collects the sites of one file."""

    def __init__(self, path: Path):
        self.text = path.read_text()
        self.path = str(path.relative_to(ROOT))
        self.starts = [0]
        for line in self.text.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.sites: list[Site] = []
        self.inside: list[str] = []
        self.functions = 0
        self.visit(ast.parse(self.text))

    def at(self, line: int, column: int) -> int:
        start = self.starts[line - 1]
        return start + len(self.text[start : self.starts[line]].encode()[:column].decode())

    def span(self, node) -> tuple[int, int]:
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset)

    def add(self, start: int, end: int, new: str, rule: str) -> None:
        if self.setting():
            return
        self.sites.append(Site(self.path, start, end, new, rule, self.inside[0] if self.inside else ""))

    def between(self, left, right, old: str, new: str, rule: str) -> None:
        """The operator between two nodes, if it stands there alone."""
        start, end = self.span(left)[1], self.span(right)[0]
        found = [match.start() for match in re.finditer(re.escape(old), self.text[start:end])]
        if len(found) == 1 and "#" not in self.text[start:end]:
            self.add(start + found[0], start + found[0] + len(old), new, rule)

    def visit_FunctionDef(self, node):
        if node.name in ("__repr__", "__str__", "__init_subclass__"):
            return
        self.inside.append(node.name)
        self.functions += 1
        for part in node.body:
            self.visit(part)
        self.functions -= 1
        self.inside.pop()

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node):
        self.inside.append(node.name)
        for part in node.body:
            self.visit(part)
        self.inside.pop()

    def setting(self) -> bool:
        """Of a module or class of a study or figure, outside functions."""
        return self.path.startswith(("simulations/", "figures/")) and not self.functions

    def visit_AnnAssign(self, node):
        if node.value is not None:
            self.visit(node.value)

    def visit_Raise(self, node):
        pass

    def visit_Assert(self, node):
        pass

    def visit_JoinedStr(self, node):
        pass

    def visit_Call(self, node):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in ("claim", "number", "count", "choice", "Panel", "warn", "debug", "info"):
            return
        self.visit(node.func)
        if isinstance(node.func, ast.Attribute) and name in REDUCED:
            end = self.span(node.func)[1]
            self.add(end - len(name), end, REDUCED[name], "mean")
        if name not in PLACED:
            for part in node.args:
                self.visit(part)
        for keyword in node.keywords:
            if keyword.arg not in LOOKS and name not in PLACED:
                self.visit(keyword.value)

    def visit_Constant(self, node):
        if isinstance(node.value, float) and node.value == node.value and abs(node.value) < 1e300:
            start, end = self.span(node)
            self.add(start, end, repr(2 * node.value or 1.0), "number")

    def visit_BinOp(self, node):
        words = [part for part in (node.left, node.right) if isinstance(part, ast.JoinedStr)]
        words += [p for p in (node.left, node.right) if isinstance(p, ast.Constant) and isinstance(p.value, str)]
        shapes = [part for part in (node.left, node.right) if isinstance(part, ast.List | ast.Tuple)]
        if words or shapes:
            return
        for part in (node.left, node.right):
            if isinstance(part, ast.Constant) and type(part.value) is int:
                start, end = self.span(part)
                self.add(start, end, str(part.value + 1), "number")
            self.visit(part)
        if type(node.op) in OPERATORS:
            rule = "sign" if isinstance(node.op, ast.Add | ast.Sub) else "product"
            self.between(node.left, node.right, *OPERATORS[type(node.op)], rule)

    def visit_UnaryOp(self, node):
        if isinstance(node.op, ast.USub):
            self.add(self.span(node)[0], self.span(node.operand)[0], "", "sign")
        self.visit(node.operand)

    def visit_Compare(self, node):
        self.generic_visit(node)
        if len(node.ops) == 1 and type(node.ops[0]) in COMPARED:
            self.between(node.left, node.comparators[0], *COMPARED[type(node.ops[0])], "comparison")

    def visit_Subscript(self, node):
        if isinstance(node.value, ast.Name) and node.value.id in ("grid", "COLORS", "MARKERS"):
            return
        self.visit(node.value)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for part in parts:
            ends = [part.lower, part.upper] if isinstance(part, ast.Slice) else [part]
            for end in ends:
                self.further(end)

    def further(self, end) -> None:
        if isinstance(end, ast.Constant) and type(end.value) is int:
            self.add(*self.span(end), str(end.value + 1), "index")
        elif isinstance(end, ast.UnaryOp) and isinstance(end.operand, ast.Constant):
            self.add(*self.span(end), f"-{end.operand.value + 1}", "index")
        elif end is not None:
            self.visit(end)


def sites(package: str) -> list[Site]:
    """All sites of a package, file by file."""
    found: list[Site] = []
    for path in sorted((ROOT / package).rglob("*.py")):
        if not set(path.relative_to(ROOT).parts) & {"command", "__init__.py", "_strangers.py", "bench.py"}:
            found += Finder(path).sites
    return found


def entry(site: Site, name: str) -> dict[str, object]:
    """The mistake as it stands in a list: whole lines, as many as make the text unique in its file."""
    text = (ROOT / site.path).read_text()
    begin, end = text.rfind("\n", 0, site.start) + 1, text.find("\n", site.end)
    while text.count(text[begin:end]) > 1:
        begin, end = text.rfind("\n", 0, max(begin - 1, 0)) + 1, text.find("\n", end + 1)
    old = text[begin:end]
    new = text[begin : site.start] + site.new + text[site.end : end]
    return {"id": name, "file": site.path, "old": old, "new": new, "rule": site.rule, "tests": tests(site)}


def tests(site: Site) -> list[str]:
    """The test files that a change there concerns: that of its name, and those that say what it is in, at most four."""
    folder, stem = ROOT / "tests" / site.path.split("/")[0], Path(site.path).stem
    files = sorted(folder.rglob("test_*.py"))
    scores = {}
    for path in files:
        text = path.read_text()
        said = len(re.findall(rf"\b{re.escape(site.inside)}\b", text)) if site.inside else 0
        score = 100 * (path.stem == f"test_{stem}") + 3 * said + len(re.findall(rf"\b{re.escape(stem)}\b", text))
        if score:
            scores[path] = score
    best = sorted(scores, key=lambda path: -scores[path])[:4]
    return [str(path.relative_to(ROOT)) for path in best]


def as_toml(mistake: dict[str, object]) -> str:
    """The entry as a table of TOML."""
    lines = ["[[mistake]]"]
    for name, value in mistake.items():
        if isinstance(value, list):
            lines.append(f"{name} = [{', '.join(repr(one).replace(chr(39), chr(34)) for one in value)}]")
        elif "\n" in str(value) or '"' in str(value) or "\\" in str(value):
            lines.append(f"{name} = '''\n{value}'''")
        else:
            lines.append(f'{name} = "{value}"')
    return "\n".join(lines) + "\n"


def drawn(package: str, count: int, seed: int) -> Iterator[dict[str, object]]:
    """So many mistakes of a package."""
    for place, site in enumerate(random.Random(f"{package} {seed}").sample(sites(package), count)):
        yield entry(site, f"{package}-{seed}-{place}")


if __name__ == "__main__":
    package, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    print("\n".join(map(as_toml, drawn(package, count, seed))), end="")
