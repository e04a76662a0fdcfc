"""Writes the report of the cold start: the project's aims, the seconds of each command, and the stages of a command."""

from collections.abc import Iterator
from statistics import median
from typing import Any

END, SCREEN = "seconds", "on_screen"
# Aims of the project in seconds: the command, the moment, and the most with an empty and with a filled cache.
AIMS = (
    ("forecast", END, 20.0, 5.0),
    ("forecast", SCREEN, 12.0, 3.0),
    ("curve", END, 12.0, 3.0),
    ("fit", END, 8.0, 3.0),
    ("predict", END, 1.5, 1.5),
    ("demo", END, 20.0, 6.0),
)
MOST_PROGRAMS = 25  # programs that `scalebayes forecast` may compile with an empty cache
MOMENTS = {END: "until the command ends", SCREEN: "until the forecast is on the screen"}


def targets(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each aim of the project with the median that was found, for the commands that were timed."""
    for name, moment, *most in AIMS:
        if name not in record["commands"]:
            continue
        times = record["commands"][name][moment]
        for cache, aim in zip(("empty", "filled"), most, strict=True):
            found = median(times[cache])
            what = f"{name}: seconds {MOMENTS[moment]}, {cache} cache"
            yield {"what": what, "aim": aim, "found": found, "met": found <= aim}
    if "profile" in record:
        found = record["profile"]["empty"]["programs"]
        what = "forecast: programs compiled, empty cache"
        yield {"what": what, "aim": MOST_PROGRAMS, "found": found, "met": found <= MOST_PROGRAMS}


def markdown(record: dict[str, Any]) -> str:
    """Return the text of cold.md."""
    machine = record["machine"]
    lines = [
        "# Cold start",
        "",
        f"{record['date']}, commit {record['commit']}. {machine['cpu']}, {record['cores']} cores, {machine['system']}, "
        f"Python {machine['python']}, load at the start {machine['load_at_start']}. Packages: "
        + ", ".join(f"{name} {version}" for name, version in record["versions"].items())
        + ".",
        "",
        "Each command is a process of its own. It runs first with an empty cache of compiled programs, and then with",
        f"the cache that it has filled. The number of repeats is {record['repeats']}, and each number is a median.",
        "",
        "## Aims",
        "",
        "| what | at most | found | |",
        "| --- | --- | --- | --- |",
    ]
    for t in record["targets"]:
        lines.append(f"| {t['what']} | {t['aim']:g} | {t['found']:.4g} | {'met' if t['met'] else 'missed'} |")
    lines += ["", "## Seconds", "", "| command | moment | empty cache | filled cache |", "| --- | --- | --- | --- |"]
    for command in record["commands"].values():
        for moment, said in MOMENTS.items():
            if command[moment]["empty"]:
                empty, filled = (f"{median(command[moment][cache]):.2f}" for cache in ("empty", "filled"))
                lines.append(f"| `{command['typed']}` | {said} | {empty} | {filled} |")
    lines.append("")
    if "profile" in record:
        lines += ["## Where the time of the forecast goes", "", *stage_lines(record["profile"])]
    return "\n".join(lines)


def stage_lines(profile: dict[str, Any]) -> list[str]:
    """Return the lines of a report about the stages of one command and about its programs."""
    empty, filled = profile["empty"], profile["filled"]
    lines = ["Seconds of one run of the same command, in a process that listens to JAX:", ""]
    lines += ["| stage | empty cache | filled cache |", "| --- | --- | --- |"]
    lines += [
        f"| {stage} | {empty['stages'][stage]:.2f} | {filled['stages'][stage]:.2f} |" for stage in empty["stages"]
    ]
    lines.append(f"| sum | {sum(empty['stages'].values()):.2f} | {sum(filled['stages'].values()):.2f} |")
    largest = ", ".join(f"{name} {seconds:.2f}" for name, seconds in empty["largest_programs"])
    return [
        *lines,
        "",
        f"With an empty cache, JAX asked for {empty['programs']} programs. It read {empty['programs_read']} of them "
        "from the cache, since it had compiled the same program before.",
        f"With a filled cache, it asked for {filled['programs']}, and read {filled['programs_read']} of them.",
        f"The largest programs took, in seconds: {largest}.",
        "",
    ]
