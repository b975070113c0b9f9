"""The explorer: what the page holds, and what a browser makes of it."""

import base64
import gzip
import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import jax
import numpy as np
import pytest

import figures.explorer as explorer
import meanfield as mf
import simulations
from meanfield.command.main import main
from simulations import Motion, Record, Records

MOTION = simulations.motion("lazy_scaling")
BREAKOUT = '</script><script>window.bad = 1</script>"<b>&'


def made_up(alpha: float, m: int, seed: int, columns: int = 2) -> Record:
    """A record as `simulations.study.motion` wants it, with no flow behind it."""
    rng = np.random.default_rng([int(alpha), m, seed])
    times = np.concatenate([[0.0], np.geomspace(0.1, 10, 11)])
    grid = np.linspace(-1, 1, 9)
    values = {
        "times": times,
        "particles": np.cumsum(rng.normal(size=(12, m, columns)), axis=0),
        "weights": rng.normal(size=(12, m)) if columns == 2 else np.full((12, m), 1 / m),
        "grid": grid,
        "functions": np.sin(alpha * grid + times[:, None]),
        "target": np.exp(-times[:, None] - grid**2) if columns == 1 else grid,
        **{f"curve_{name}": np.exp(-times / alpha) for name in MOTION.scene.curves},
    }
    if columns == 2:
        values |= {"samples": rng.normal(size=(5, 2)), "marks": rng.normal(size=(2, 2))}
    return Record({"alpha": alpha, "particles": m, "seed": seed, "step": 0.5}, values, {"versions": {"jax": "1"}})


RECORDS = Records(made_up(alpha, m, seed) for alpha in (1.0, 10.0) for m in (4, 6) for seed in (0, 1))


class Elements(HTMLParser):
    """Every element of a page with its attributes, and what its scripts hold."""

    def __init__(self, page: str):
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.scripts: dict[str | None, str] = {}
        self._inside: str | None = None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self._inside = tag

    def handle_data(self, data):
        if self._inside == "script":
            name = self.found[-1][1].get("id")
            self.scripts[name] = self.scripts.get(name, "") + data

    def handle_endtag(self, tag):
        self._inside = None


def unpacked(page: str) -> tuple[dict, list[dict[str, np.ndarray]]]:
    """(what the page is told, the arrays of its runs), read without the code that wrote them."""
    scripts = Elements(page).scripts
    facts = json.loads(scripts["facts"])
    block = gzip.decompress(base64.b64decode(scripts["arrays"]))

    def numbers(place: dict) -> np.ndarray:
        count = int(np.prod(place["shape"]))
        values = np.frombuffer(block, f"<{place['kind']}", count, place["at"]).reshape(place["shape"])
        if place["kind"] == "f4":
            return values
        codes = np.cumsum(values, axis=0, dtype=np.uint16) if values.ndim > 1 else values
        return np.where(codes == 65535, np.nan, place["low"] + place["step"] * codes)

    return facts, [{name: numbers(place) for name, place in run["arrays"].items()} for run in facts["runs"]]


def test_arrays_are_the_records_to_the_rounding_that_is_stated():
    facts, runs = unpacked(explorer.page(MOTION, RECORDS))
    assert len(runs) == len(RECORDS)
    for told, arrays, record in zip(facts["runs"], runs, RECORDS, strict=True):
        values = [slider["values"][at] for slider, at in zip(facts["sliders"], told["place"], strict=True)]
        assert [*values, told["seed"]] == [record.parameters[name] for name in ("alpha", "particles", "seed")]
        assert set(arrays) == set(record.values)
        for name, array in arrays.items():
            if told["arrays"][name]["kind"] == "f4":
                np.testing.assert_array_equal(array, np.float32(record[name]), err_msg=name)
            else:
                most = np.ptp(record[name]) / 65534 / 2
                np.testing.assert_allclose(array, record[name], rtol=1e-12, atol=most * (1 + 1e-9), err_msg=name)


@pytest.mark.parametrize(("weights", "signs"), [([-1.0, 0.0], [-1]), ([0.5, 0.0], [1]), ([-1.0, 2.0], [1, -1])])
def test_signs_are_those_of_weights_that_are_not_zero(weights, signs):
    record = made_up(1.0, 2, 0)
    record["weights"][:] = weights
    assert unpacked(explorer.page(MOTION, Records([record])))[0]["signs"] == signs


def test_what_is_not_finite_is_a_gap_and_of_many_particles_a_part_is_drawn():
    record = made_up(1.0, 1500, 0)
    record["functions"][3, 2] = np.nan
    facts, (arrays,) = unpacked(explorer.page(MOTION, Records([record])))
    assert np.argwhere(np.isnan(arrays["functions"])).tolist() == [[3, 2]]
    assert (facts["runs"][0]["particles"], arrays["weights"].shape) == (1500, (12, 1000))
    assert arrays["particles"].shape == (12, 1000, 2)


def test_the_page_loads_nothing_and_its_policy_would_not_let_it():
    page = explorer.page(MOTION, RECORDS)
    elements = Elements(page)
    loads = [value for _, attributes in elements.found for name, value in attributes.items() if name in ("src", "href")]
    assert loads == ["data:,"]
    (policy,) = [each["content"] for _, each in elements.found if each.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    style = re.search("<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    assert not re.search(r"@import|url\(", style[1])
    from plotly.offline import get_plotlyjs

    assert gzip.decompress(base64.b64decode(elements.scripts["plotly"])).decode() == get_plotlyjs()
    assert len(page.encode()) < len(get_plotlyjs().encode())


def test_texts_stay_texts():
    scene = replace(MOTION.scene, title=BREAKOUT, target=BREAKOUT)
    record = made_up(1.0, 4, 0)
    record = replace(record, parameters={**record.parameters, "step": BREAKOUT})
    page = explorer.page(Motion(MOTION.study, scene), Records([record]))
    elements = Elements(page)
    assert sum(tag == "script" for tag, _ in elements.found) == 4
    assert not any(tag == "b" for tag, _ in elements.found)
    assert json.loads(elements.scripts["facts"])["target"] == BREAKOUT


def test_same_records_same_bytes_and_whole(tmp_path):
    one, two = (explorer.save(MOTION, RECORDS, tmp_path / name) for name in ("one.html", "two.html"))
    assert one.read_bytes() == two.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.html", "two.html"]


def test_refusals(tmp_path, monkeypatch):
    (tmp_path / "x.html").mkdir()
    with pytest.raises(ValueError, match="is a directory"):
        explorer.writable(tmp_path / "x.html")
    with pytest.raises(ValueError, match="none of 0 runs reached its end"):
        explorer.page(MOTION, Records([]))
    with pytest.raises(ValueError, match="2 runs have 1 places on its sliders"):
        explorer.page(MOTION, Records([made_up(1.0, 4, 0)] * 2))
    explorer._plotly.cache_clear()
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(ValueError, match=r"needs plotly: pip install plotly \(the extra `explore`\)"):
        explorer.writable(tmp_path / "page.html")


# In a browser.

LINE = replace(MOTION.scene, plane=("parameter θ",), marks="", rays=False, title=BREAKOUT)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The command's own page of a study, one without a network behind it, and one of particles on a line."""
    folder = tmp_path_factory.mktemp("pages")
    assert (
        main(["explore", "lazy_scaling", "--size", "smoke", "--from", str(folder), "--out", f"{folder}/real.html"]) == 0
    )
    explorer.save(MOTION, RECORDS, folder / "plane.html")
    line = Records(made_up(alpha, 4, 0, columns=1) for alpha in (1.0, 10.0))
    explorer.save(Motion(MOTION.study, LINE), line, folder / "line.html")
    return folder


PLOTS = "[...document.querySelectorAll('.plot')]"
SHOWN = f"JSON.stringify({PLOTS}.map((plot) => plot.data.map((trace) => [Array.from(trace.x), Array.from(trace.y)])))"


def quiet(browser, path) -> bool:
    """Nothing in the console, and nothing asked for but the page."""
    return browser.complaints() == [] and [url for url in browser.requests() if url[:5] != "data:"] == [path.as_uri()]


def press(browser, name: str, key: str) -> None:
    browser.run(f"document.getElementById('{name}').focus()")
    for kind in ("rawKeyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key])


KEYS = {"ArrowLeft": 37, "ArrowRight": 39, "ArrowDown": 40}


def click(browser, name: str) -> None:
    box = f"document.getElementById('{name}').getBoundingClientRect()"
    x, y = browser.run(f"[{box}.x + {box}.width / 2, {box}.y + {box}.height / 2]")
    for kind in ("mousePressed", "mouseReleased"):
        browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


def test_it_loads_quietly_and_every_control_moves_the_picture(browser, pages):
    path = pages / "plane.html"
    browser.open(path)
    assert browser.run(f"{PLOTS}.length") == 2 + len(MOTION.scene.curves)
    for name, key in (
        ("time", "ArrowRight"),
        ("slider-0", "ArrowRight"),
        ("slider-1", "ArrowRight"),
        ("seed", "ArrowDown"),
    ):
        before, picture = browser.run(SHOWN), browser.screenshot()
        said = browser.run("document.getElementById('controls').innerText")
        press(browser, name, key)
        browser.wait(f"{SHOWN} !== {json.dumps(before)}")
        assert browser.screenshot() != picture, name
        if name != "seed":
            assert browser.run("document.getElementById('controls').innerText") != said, name
    before = browser.run("document.getElementById('particles').data.length")
    click(browser, "pin")
    browser.wait(f"document.getElementById('particles').data.length > {before}")
    assert "α = 10, neurons m = 6, seed 1" in browser.run("document.getElementById('particles-caption').textContent")
    assert quiet(browser, path)


def test_what_is_drawn_is_what_the_records_hold(browser, pages):
    browser.open(pages / "plane.html")
    press(browser, "time", "ArrowRight")
    browser.wait("document.getElementById('time').value === '1'")
    record = next(iter(RECORDS.where(alpha=1.0, particles=4, seed=0)))
    traces = json.loads(browser.run(SHOWN))
    _, positive, negative, _ = traces[0]
    drawn = sorted(zip(*positive, strict=True)) + sorted(zip(*negative, strict=True))
    at, sign = record["particles"][1], record["weights"][1] > 0
    wanted = sorted(map(tuple, at[sign])) + sorted(map(tuple, at[~sign]))
    np.testing.assert_allclose(drawn, wanted, atol=np.ptp(record["particles"]) / 65534)
    np.testing.assert_allclose(traces[1][0], [record["grid"], record["functions"][1]], atol=1e-4)
    np.testing.assert_allclose(traces[1][1][1], record["target"], atol=1e-4)


def test_playing_goes_to_the_end_and_stops(browser, pages):
    path = pages / "real.html"
    browser.open(path)
    last = browser.run("Number(document.getElementById('time').max)")
    click(browser, "play")
    browser.wait("document.getElementById('time').value > 0")
    click(browser, "play")
    paused = browser.run("Number(document.getElementById('time').value)")
    assert 0 < paused < last
    browser.run(f"state.k = {last - 1}; show().then(() => 0)")
    click(browser, "play")
    browser.wait("document.getElementById('play').textContent.includes('Play')")
    assert browser.run("Number(document.getElementById('time').value)") == last
    assert quiet(browser, path)


@pytest.mark.parametrize("name", ["plane.html", "line.html"])
def test_phone(browser, pages, name):
    """Nothing is wider than the screen, and every control is on it, with a name; a title that tries to is no script."""
    width, height = 390, 844  # not asked of the page: a phone makes its own width larger where something is too wide
    browser.open(pages / name, width, height, dark=True)
    assert browser.run("document.scrollingElement.scrollWidth") <= width
    controls = "[...document.querySelectorAll('button, input, select')].filter((one) => one.offsetParent)"
    inside = f"box.left >= 0 && box.right <= {width} && box.top >= 0 && box.bottom <= {height} && box.width > 20"
    inside = f"{controls}.every((one) => {{ const box = one.getBoundingClientRect(); return {inside}; }})"
    assert browser.run(inside)
    assert browser.run(f"{controls}.every((one) => one.labels.length || one.textContent.trim())")
    assert browser.run(
        f"{PLOTS}.every((plot) => plot.querySelector('svg') && plot.getBoundingClientRect().height > 100)"
    )
    assert browser.run("typeof window.bad") == "undefined"
    if name == "line.html":
        assert browser.run("document.querySelector('h1').textContent") == BREAKOUT
    assert quiet(browser, pages / name)


def test_it_opens_in_motion_within_a_second(browser, pages):
    path = pages / "plane.html"
    browser.open(path, moving=True)
    browser.wait("Number(document.getElementById('time').value) > opened.k", 1)
    assert "Pause" in browser.run("document.getElementById('play').textContent")
    moved = np.abs(np.diff(next(iter(RECORDS.where(alpha=1.0, particles=4, seed=0)))["particles"], axis=0)).sum((1, 2))
    assert browser.run("opened.k") == max(0, np.argmax(moved) + 1 - 2)  # a sixth of twelve frames before the largest
    click(browser, "play")
    assert "Play" in browser.run("document.getElementById('play').textContent")
    assert quiet(browser, path)


def test_the_address_is_what_is_shown(browser, pages):
    path = pages / "plane.html"
    browser.open(path)
    press(browser, "slider-0", "ArrowRight")
    press(browser, "time", "ArrowRight")
    browser.wait("location.hash.includes('alpha=10')")
    click(browser, "pin")
    browser.wait("location.hash.includes('pin=')")
    browser.run("document.getElementById('speed').value = '2'; remember()")
    shown, address = browser.run(SHOWN), browser.run("location.hash")
    browser.open(path, moving=True, at=address)
    assert (browser.run(SHOWN), browser.run("location.hash")) == (shown, address)
    assert browser.run("document.getElementById('pin').textContent") == "Unpin"
    click(browser, "reset")
    browser.wait("document.getElementById('pin').textContent === 'Pin in grey'")
    assert browser.run("[state.run, state.k, state.pinned].join()") == browser.run(
        "[opened.run, opened.k, null].join()"
    )
    assert browser.run("document.getElementById('speed').value") == "1"
    browser.open(path, at="#alpha=7&particles=6&t=nothing&pin=99&seed=1")  # what it does not know is left as it was
    assert browser.run("facts.runs[state.run].place.join()") == "0,1"
    assert browser.run("state.pinned") is None
    assert quiet(browser, path)


def test_sliders_say_their_ends_and_the_last_run_is_blue(browser, pages):
    browser.open(pages / "plane.html")
    row = "document.getElementById('slider-0').parentElement"
    assert browser.run(f"[...{row}.querySelectorAll('.end')].map((one) => one.textContent).join()") == "1,10"
    assert browser.run(f"{row}.querySelectorAll('datalist option').length") == 2
    colours = [browser.run("document.getElementById('functions').data[0].line.color")]
    press(browser, "slider-0", "ArrowRight")
    browser.wait("facts.runs[state.run].place[0] === 1")
    colours.append(browser.run("document.getElementById('functions').data[0].line.color"))
    assert colours == ["rgb(213, 94, 0)", "rgb(0, 114, 178)"]


def test_runs_of_my_own_side_by_side(browser, tmp_path):
    key, unit = jax.random.key(0), mf.Neuron("relu")
    data = mf.datasets.teacher(key, n=20, d=5)
    start = mf.Particles.doubled(key, unit, m=10, d=5)
    runs = {}
    for scale in (1.0, 100.0):
        problem = mf.Objective(unit, mf.Square(), data.x, data.y, scale=scale)
        seen = [mf.Positions(), mf.Displacement()]
        runs[scale] = mf.simulate(problem, mf.GradientFlow(0.5), start, times=range(8), observables=seen)
    path = explorer.explore(runs, tmp_path / "mine.html", "Mine")
    browser.open(path)
    assert browser.run("document.querySelector('h1').textContent") == "Mine"
    last = len(runs[1.0].times) - 1
    for place, scale in enumerate(runs):
        browser.run(f"choose([{place}], 0, 0).then(() => {{ state.k = {last}; return show(); }}).then(() => 0)")
        said = float(browser.run("document.getElementById('curve-0-value').textContent"))
        assert said == pytest.approx(runs[scale].values["displacement"][-1], rel=5e-3)
    assert quiet(browser, path)


def test_a_story_is_told_in_five_steps(browser, pages):
    path = pages / "real.html"
    browser.open(path)
    story = MOTION.scene.story
    assert len(story) == 5
    shown = []
    for sentence, address in story:
        click(browser, "on")
        browser.wait(f"document.getElementById('sentence').textContent.endsWith({json.dumps(sentence)})")
        alpha = re.search(r"alpha=(\d+)", address)
        assert alpha is not None
        assert browser.run("new URLSearchParams(location.hash.slice(1)).get('alpha')") == alpha[1]
        assert browser.run("state.pinned !== null") == ("pin=" in address)
        shown.append(browser.run(SHOWN))
    assert len(set(shown)) == 5
    assert browser.run("document.getElementById('on').textContent") == "Again"
    click(browser, "back")
    browser.wait(f"document.getElementById('sentence').textContent.endsWith({json.dumps(story[3][0])})")
    assert browser.run(SHOWN) == shown[3]
    assert quiet(browser, path)


def test_without_a_story_there_is_none(browser, tmp_path):
    scene = replace(MOTION.scene, story=())
    browser.open(explorer.save(Motion(MOTION.study, scene), RECORDS, tmp_path / "mute.html"))
    assert browser.run("document.getElementById('story').hidden")
