#!/usr/bin/env python3
"""Checks the house rules that the compiler and the formatter do not know.

    scripts/tidy.py               checks the tree, one finding a line, exit 1 if there is one
    scripts/tidy.py --self-test   feeds each rule a line that breaks it

A line that must break a rule says so, with the reason: `// tidy:allow <rule>: <reason>` on the line itself or the one above.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

COLUMNS_MAX = 130
# A sentence in a comment may run on a little, rather than be broken for one word; code may not.
COMMENT_COLUMNS_MAX = 140
# A string this long is data; a line with one is as long as it is.
LONG_STRING_MIN = 50
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
# Functions longer than the limit that were there when the rule came: "path:name" -> lines. An entry may only shrink.
FUNCTION_RATCHET: dict[str, int] = {}

PURE = ("Sources/Shared/Base/", "Sources/Shared/Wire/", "Sources/Shared/MCP/", "Sources/Supervisor/Core/", "Sources/Worker/Core/")
WIRE = ("Sources/Shared/Wire/",)
SOURCES = ("Sources/",)
ARCHITECTURE = "docs/ARCHITECTURE.md"
DECISIONS = "docs/adr/"
PRODUCT = "Sources/Shared/Base/Product.swift"
SWIFT = ("Sources/", "Tests/", "Fuzz/", "Benchmarks/")


@dataclass(frozen=True)
class Word:
    """A pattern that must not occur in the code (not in comments or string literals) of some folders."""

    rule: str
    where: tuple[str, ...]
    pattern: str
    advice: str


WORDS = (
    Word("pure-import", PURE, r"^\s*(?:(?:public|internal|package|private|fileprivate|@\w+(?:\([^)]*\))?)\s+)*import\s+"
         r"(?:struct\s+|func\s+|class\s+|enum\s+)?(Glibc|Musl|Foundation\w*|Dispatch|Synchronization|_Concurrency|Linux|C[A-Z]\w+)\b",
         "a pure layer imports nothing but lower pure layers"),
    Word("foundation", SOURCES, r"\bimport\s+(?:Foundation\w*|Dispatch|XCTest)\b", "no Foundation and no Dispatch in the product"),
    Word("async", SOURCES, r"\b(?:async|await|actor)\b|\bTask\s*(?:\{|\.|<|\()|\bTaskGroup\b|\bwithCheckedContinuation\b",
         "the reactor is single-threaded: events in, effects out"),
    Word("random", PURE, r"\.random\s*\(|\.randomElement\s*\(|\.shuffled?\s*\(|\bSystemRandomNumberGenerator\b",
         "randomness comes in as a PRNG argument"),
    Word("clock", PURE, r"\b(?:ContinuousClock|SuspendingClock|clock_gettime|gettimeofday|Date)\b", "time comes in as `now: Instant`"),
    Word("output", PURE, r"(?<![.\w])(?:print|debugPrint|dump|readLine)\s*\(", "a pure layer does no input or output"),
    Word("force", SOURCES, r"\btry!|\bas!|\bnonisolated\(unsafe\)", "no forced try or cast, no unchecked promises"),
    Word("wire-string", WIRE, r"\bCharacter\b|(?<!ASCII)\.lowercased\s*\(|(?<!ASCII)\.uppercased\s*\(|\.hasPrefix\s*\(|\.hasSuffix\s*\(|\.unicodeScalars\b"
         r"|\bString\s*\(\s*decoding:|\.components\s*\(|\.trimmingCharacters\b|\b(?:Int|Int64|UInt64|Double)\s*\(\s*(?:String|Substring)\b",
         "bytes from outside are compared as bytes: String equality and case folding are Unicode's, not the protocol's"),
    # ServiceManager is systemd's own word for what stands behind sd_notify.
    Word("names", SOURCES, r"\b(?:class|struct|enum|protocol|typealias)\s+(?!ServiceManager\b)\w*(?:Manager|Helper|Utils?|Utility)\b",
         "name it after what it is"),
    Word("unchecked", ("Package.swift", "Fuzz/Package.swift", "Benchmarks/Package.swift"), r"-Ounchecked|-enforce-exclusivity=unchecked",
         "checks stay on"),
)

# In comments, too: these are promises nobody keeps.
MARKERS = re.compile(r"\b(?:FIXME|TODO|XXX|HACK)\b")
ALLOW = re.compile(r"tidy:allow\s+([\w-]+):\s*\S")

STRING = re.compile(r'"(?:\\.|[^"\\])*"')
FUNCTION = re.compile(r"^(\s*)(?:(?:@\w+(?:\([^)]*\))?|public|private|fileprivate|internal|package|static|mutating|consuming|borrowing|final|"
                      r"override|convenience|nonisolated|class)\s+)*(?:func\s+(`[^`]+`|[\w]+|[^\s\w(]+)|(init)[?!]?\s*[(<]|(deinit)\b)")


def blank(match: re.Match[str]) -> str:
    return '"' + " " * (len(match.group()) - 2) + '"'


def code_lines(text: str) -> list[str]:
    """The lines without comments and without what stands in string literals; columns are kept."""
    result = []
    in_block = 0
    in_literal: str | None = None
    for line in text.split("\n"):
        if in_literal is not None:
            end = line.find(in_literal)
            if end < 0:
                result.append("")
                continue
            line = " " * (end + len(in_literal)) + line[end + len(in_literal):]
            in_literal = None
        multi = re.search(r'(#*)"""', line)
        if multi and "//" not in line[: multi.start()]:
            closing = '"""' + multi.group(1)
            rest = line[multi.end():]
            if closing not in rest:
                in_literal = closing
                line = line[: multi.start()]
        line = re.sub(r'#"(?:.*?)"#', lambda m: " " * len(m.group()), line)
        line = STRING.sub(blank, line)
        out = []
        index = 0
        while index < len(line):
            pair = line[index : index + 2]
            if in_block:
                if pair == "*/":
                    in_block -= 1
                    index += 2
                    continue
                index += 1
            elif pair == "/*":
                in_block += 1
                index += 2
            elif pair == "//":
                break
            else:
                out.append(line[index])
                index += 1
        result.append("".join(out))
    return result


class Tidy:
    def __init__(self) -> None:
        self.findings: list[str] = []

    def report(self, path: str, line: int, rule: str, message: str) -> None:
        self.findings.append(f"{path}:{line}: {rule}: {message}")

    def check_swift(self, path: str, text: str) -> None:
        raw = text.split("\n")
        code = code_lines(text)

        def allowed(index: int, rule: str) -> bool:
            return any(match.group(1) == rule for line in raw[max(0, index - 1) : index + 1] for match in ALLOW.finditer(line))

        self.check_length(path, text)
        for index, line in enumerate(raw):
            columns_max = COMMENT_COLUMNS_MAX if line.lstrip().startswith("//") else COLUMNS_MAX
            longest = max((len(match.group()) for match in STRING.finditer(line)), default=0)
            is_data = longest >= LONG_STRING_MIN or not code[index].strip() and not line.lstrip().startswith("//")
            if len(line) > columns_max and not is_data and not allowed(index, "columns"):
                self.report(path, index + 1, "columns", f"{len(line)} columns, at most {columns_max}")
            if "\t" in line:
                self.report(path, index + 1, "tab", "a tab; four spaces indent here")
            if MARKERS.search(line) and not allowed(index, "marker"):
                self.report(path, index + 1, "marker", "say it in an issue, not in the code")
        for word in WORDS:
            if not path.startswith(word.where):
                continue
            pattern = re.compile(word.pattern)
            for index, line in enumerate(raw if path.endswith("Package.swift") else code):
                if pattern.search(line) and not allowed(index, word.rule):
                    self.report(path, index + 1, word.rule, f"`{pattern.search(line).group().strip()}`: {word.advice}")
        if path.startswith(PURE):
            self.check_unordered(path, code, allowed)
        if path.startswith(SOURCES):
            self.check_functions(path, code, allowed)

    def check_unordered(self, path: str, code: list[str], allowed) -> None:
        """Iterating a Set or Dictionary: their order changes from process to process, so a replay would differ."""
        names = set()
        declared = re.compile(r"\b(?:var|let)\s+(\w+)\s*(?::\s*(\[(?!\()[^\[\]()]+:[^\[\]]+\]|Set<|Dictionary<)|=\s*(?:\[(?!\()[^\[\]()]+:[^\[\]]+\]\s*\(|Set<|Set\(|Dictionary))")
        for line in code:
            names.update(match.group(1) for match in declared.finditer(line))
        if not names:
            return
        alternatives = "|".join(re.escape(name) for name in sorted(names))
        loop = re.compile(rf"\bin\s+(?:self\.)?(?:{alternatives})(?:\.(?:keys|values|enumerated\(\)|lazy))?\s*(?:\{{|where\b)|"
                          rf"\b(?:{alternatives})(?:\.(?:keys|values))?\.(?:map|flatMap|compactMap|forEach|reduce|first|filter|prefix|max|min|popFirst|randomElement)\b"
                          rf"(?!\s*=)")
        for index, line in enumerate(code):
            if loop.search(line) and not allowed(index, "unordered"):
                self.report(path, index + 1, "unordered", "the order of a Set or Dictionary differs from run to run: keep an array beside it")

    def check_functions(self, path: str, code: list[str], allowed) -> None:
        index = 0
        while index < len(code):
            match = FUNCTION.match(code[index])
            if not match:
                index += 1
                continue
            name = match.group(2) or match.group(3) or match.group(4)
            end = self.end_of_body(code, index)
            if end is None:
                index += 1
                continue
            length = end - index + 1
            limit = max(FUNCTION_LINES_MAX, FUNCTION_RATCHET.get(f"{path}:{name}", 0))
            if length > limit and not allowed(index, "function-length"):
                self.report(path, index + 1, "function-length", f"`{name}` has {length} lines, at most {limit}")
            index += 1

    @staticmethod
    def end_of_body(code: list[str], start: int) -> int | None:
        """The line with the brace that closes the body of the function declared at `start`; None for a requirement without body."""
        depth = 0
        parentheses = 0
        opened = False
        for index in range(start, min(len(code), start + 2_000)):
            for character in code[index]:
                if character in "([":
                    parentheses += 1
                elif character in ")]":
                    parentheses -= 1
                elif character == "{":
                    depth += 1
                    opened = True
                elif character == "}":
                    depth -= 1
                    if depth < 0:
                        return None
                    if opened and depth == 0 and parentheses <= 0:
                        return index
            if not opened and parentheses <= 0 and not code[index].rstrip().endswith((",", "(", "->", "throws", "where")):
                following = code[index + 1].strip() if index + 1 < len(code) else ""
                if not following.startswith(("where", "->", "throws", "{", ")")):
                    return None
        return None

    def check_dead(self, files: dict[str, str]) -> None:
        """Functions and constants that nothing names a second time, over Sources, Tests, Fuzz and Benchmarks together."""
        counts: Counter[str] = Counter()
        declared: list[tuple[str, int, str]] = []
        # Words of a vocabulary (error codes, signals, errnos) are there for completeness: `static let abort = Self(6)`.
        declaration = re.compile(r"\b(?:func|static let|static var|var(?=\s+\w+:[^={]*\{))\s+(\w+)(?!\s*(?:=\s*Self\(|:\s*(?:Self|StaticString)\b))\b")
        for path, text in files.items():
            code = code_lines(text)
            raw = text.split("\n")
            for index, line in enumerate(code):
                # Interpolations name things, too, so identifiers are counted in the raw line when it has one.
                counts.update(re.findall(r"\w+", raw[index] if "\\(" in raw[index] else line))
                if path.startswith(SOURCES) and "override" not in line:
                    for match in declaration.finditer(line):
                        nearby = raw[max(0, index - 1) : index + 1]
                        if not any("tidy:allow dead:" in text or "@c" in text or "@_cdecl" in text for text in nearby):
                            declared.append((path, index + 1, match.group(1)))
        expected = {"main", "hash", "encode", "description"}
        for path, line, name in declared:
            if counts[name] == 1 and name not in expected:
                self.report(path, line, "dead", f"nothing uses `{name}`")

    def check_length(self, path: str, text: str) -> None:
        lines = len(text.splitlines())
        if lines > FILE_LINES_MAX:
            self.report(path, lines, "file-length", f"{lines} lines, at most {FILE_LINES_MAX}: split it by what it is about")

    def check_folders(self, names: list[str], architecture: str) -> None:
        """A newcomer finds each folder of the product described. A folder `include` belongs to the one it is in."""
        folders = {str(Path(name).parent) for name in names if name.startswith("Sources/")}
        for folder in sorted(folders):
            if not folder.endswith("/include") and f"`{folder}`" not in architecture:
                self.report(ARCHITECTURE, 1, "folders", f"says nothing about `{folder}`")

    def check_decisions(self, records: dict[str, str], index: str) -> None:
        """Each record stands in the index, under its number and title, and the index names no other."""
        expected = {}
        for name, text in records.items():
            number, _, title = text.split("\n", 1)[0].removeprefix("# ").partition(". ")
            if f"{int(number):04}" != name[:4]:
                self.report(DECISIONS + name, 1, "decisions", f"its title says {number}")
            expected[name] = f"| [{number}]({name}) | {title}"
        rows = {match.group(1): match.group(0) for match in re.finditer(r"^\| \[\d+\]\(([^)]+)\) \|[^|\n]*", index, re.MULTILINE)}
        for name in sorted(expected.keys() | rows.keys()):
            if not rows.get(name, "").startswith(expected.get(name, "\0")):
                self.report(DECISIONS + "README.md", 1, "decisions", f"its row for {name} is missing, or differs from the record's title")

    def check_documents(self, names: list[str]) -> None:
        def read(name: str) -> str:
            return (ROOT / name).read_text(encoding="utf-8")

        self.check_folders(names, read(ARCHITECTURE))
        records = {name.removeprefix(DECISIONS): read(name) for name in names if re.match(DECISIONS + r"\d{4}-.*\.md$", name)}
        self.check_decisions(records, read(DECISIONS + "README.md"))
        self.check_version(read(PRODUCT), {
            "README.md": (read("README.md"), "mcp-supervisor {} is ready."),
            "CHANGELOG.md": (read("CHANGELOG.md"), "{}"),
        })

    def check_version(self, product: str, documents: dict[str, tuple[str, str]]) -> None:
        """The version stands in one place. `documents`: path -> text, and a sentence that names the version as {}."""
        version = re.search(r'static let version: StaticString = "([^"]+)"', product)
        if not version:
            return self.report(PRODUCT, 1, "version", "`version` is not where it should be")
        for path, (text, sentence) in documents.items():
            if sentence.format(version.group(1)) not in text:
                self.report(path, 1, "version", f"does not say: {sentence.format(version.group(1))}")

    def check_markdown(self, path: str, text: str) -> None:
        titles = 0
        fenced = False
        for line in text.split("\n"):
            if line.startswith("```"):
                fenced = not fenced
            elif not fenced and line.startswith("# "):
                titles += 1
        if titles != 1:
            self.report(path, 1, "title", f"{titles} first-level headings, exactly one is right")
        if fenced:
            self.report(path, 1, "fence", "a code fence is not closed")

    def check_script(self, path: str, text: str) -> None:
        for index, line in enumerate(text.split("\n")):
            if MARKERS.search(line) and "MARKERS" not in line and not ALLOW.search(line) and not path.endswith("tidy.py"):
                self.report(path, index + 1, "marker", "say it in an issue, not in the code")


def tracked() -> list[str]:
    """Files git knows plus new ones it would take; without git, everything outside hidden folders."""
    try:
        output = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
        names = output.splitlines()
    except (OSError, subprocess.CalledProcessError):
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*")]
    return sorted({name for name in names if not name.startswith((".build", ".venv", ".git/")) and (ROOT / name).is_file()})


def run() -> int:
    tidy = Tidy()
    swift: dict[str, str] = {}
    for name in tracked():
        if name.endswith(".swift") and name.startswith((*SWIFT, "Package.swift")):
            swift[name] = (ROOT / name).read_text(encoding="utf-8")
            tidy.check_swift(name, swift[name])
        elif name.endswith(".md"):
            tidy.check_markdown(name, (ROOT / name).read_text(encoding="utf-8"))
        elif name.startswith(("scripts/", ".ci/", "Tests/EndToEnd/")) and name.endswith((".py", ".sh", "run")):
            tidy.check_script(name, (ROOT / name).read_text(encoding="utf-8"))
        elif name.startswith(("Sources/", "Benchmarks/Sources/")) and name.endswith((".c", ".h")):
            tidy.check_length(name, (ROOT / name).read_text(encoding="utf-8"))
    tidy.check_dead(swift)
    tidy.check_documents(tracked())
    for finding in tidy.findings:
        print(finding)
    print(f"tidy: {len(swift)} Swift files, {len(tidy.findings)} findings")
    return 1 if tidy.findings else 0


SELF_TEST = (
    ("pure-import", "Sources/Shared/Base/A.swift", "import Glibc\n"),
    ("pure-import", "Sources/Shared/Wire/A.swift", "public import CLinux\n"),
    ("foundation", "Sources/Supervisor/Edge/A.swift", "import Foundation\n"),
    ("async", "Sources/Supervisor/Core/A.swift", "func f() async {}\n"),
    ("async", "Sources/Supervisor/Edge/A.swift", "let t = Task { }\n"),
    ("random", "Sources/Shared/MCP/A.swift", "let a = Int.random(in: 0...3)\n"),
    ("clock", "Sources/Worker/Core/A.swift", "let c = ContinuousClock()\n"),
    ("output", "Sources/Worker/Core/A.swift", "print(1)\n"),
    ("force", "Sources/Worker/Edge/A.swift", "let a = try! f()\n"),
    ("wire-string", "Sources/Shared/Wire/A.swift", "let a: Character\n"),
    ("wire-string", "Sources/Shared/Wire/A.swift", "let a = b.lowercased()\n"),
    ("names", "Sources/Shared/Base/A.swift", "struct CallManager {}\n"),
    ("unchecked", "Package.swift", 'let a = ["-Ounchecked"]\n'),
    ("marker", "Sources/Shared/Base/A.swift", "// " + "FIX" + "ME later\n"),
    ("columns", "Tests/BaseTests/A.swift", "let a = 1" + " " * 130 + "+ 1\n"),
    ("file-length", "Sources/Shared/Base/A.swift", "\n" * 501),
    ("function-length", "Sources/Shared/Base/A.swift", "    func f(\n        a: Int\n    ) {\n" + "        a()\n" * 70 + "    }\n"),
    ("unordered", "Sources/Supervisor/Core/A.swift", "var calls: [Int: String] = [:]\nfor call in self.calls.values { }\n"),
    ("unordered", "Sources/Supervisor/Core/A.swift", "var ids: Set<Int> = []\nlet a = ids.map { $0 }\n"),
    ("tab", "Sources/Shared/Base/A.swift", "\tlet a = 1\n"),
)

CLEAN = (
    ("Sources/Shared/Base/A.swift", '/// import Glibc, Task { }, print(\nlet a = "import Foundation; async"\n'),
    ("Sources/Supervisor/Core/A.swift", "var calls: [Int: String] = [:]\nlet a = calls[1]\nfor b in self.order { }\n"),
    ("Sources/Shared/Wire/A.swift", "// tidy:allow wire-string: configuration text, not bytes of a peer\nlet a = b.lowercased()\n"),
    ("Sources/Supervisor/Core/A.swift", "let pairs: [(key: String, value: Int)] = []\nfor pair in pairs { }\n"),
    ("Sources/Shared/Base/A.swift", "protocol P {\n    func f(a: Int) -> Int\n    func g()\n}\n" + "let x = 1\n" * 80),
)


def whole_tree_cases() -> list[tuple[str, list[str], int]]:
    """The rules that look at more than one file: the rule, what it found in a tree of a few lines, and how much it should."""

    def findings(check) -> list[str]:
        tidy = Tidy()
        check(tidy)
        return tidy.findings

    code = "func unused() {}\nfunc used() {}\nvar idle: Int { 1 }\nvar stored: Int = used()\n"
    files = ["Sources/A/B/x.swift", "Sources/A/include/x.h", "Tests/T/y.swift"]
    records = {"0001-a.md": "# 1. A\n", "0002-b.md": "# 2. B\n"}
    index = "| [1](0001-a.md) | A |\n| [2](0002-b.md) | B (replaced by 3) |\n"
    product = 'static let version: StaticString = "1.2.3"\n'
    return [
        ("dead", findings(lambda tidy: tidy.check_dead({"Sources/Shared/Base/A.swift": code})), 2),
        ("folders", findings(lambda tidy: tidy.check_folders(files, "| `Sources/A` |")), 1),
        ("folders", findings(lambda tidy: tidy.check_folders(files, "| `Sources/A`, `Sources/A/B` |")), 0),
        ("decisions", findings(lambda tidy: tidy.check_decisions(records, index)), 0),
        ("decisions", findings(lambda tidy: tidy.check_decisions(records, index.replace("| B", "| C"))), 1),
        ("decisions", findings(lambda tidy: tidy.check_decisions({**records, "0003-c.md": "# 4. C\n"}, index)), 2),
        ("decisions", findings(lambda tidy: tidy.check_decisions({}, "| [1](0001-a.md) | A |\n")), 1),
        ("version", findings(lambda tidy: tidy.check_version(product, {"README.md": ("1.2.3 is ready", "{} is ready")})), 0),
        ("version", findings(lambda tidy: tidy.check_version(product, {"README.md": ("1.2.2 is ready", "{} is ready")})), 1),
        ("file-length", findings(lambda tidy: tidy.check_length("a.c", "\n" * 501)), 1),
    ]


def self_test() -> int:
    failures = 0
    for rule, path, text in SELF_TEST:
        tidy = Tidy()
        tidy.check_swift(path, text)
        if not any(f": {rule}: " in finding for finding in tidy.findings):
            print(f"tidy: self-test: {rule} does not see {text.strip()[:60]!r}: {tidy.findings}")
            failures += 1
    for path, text in CLEAN:
        tidy = Tidy()
        tidy.check_swift(path, text)
        if tidy.findings:
            print(f"tidy: self-test: false alarm: {tidy.findings}")
            failures += 1
    wholes = whole_tree_cases()
    for rule, findings, count in wholes:
        if len(findings) != count:
            print(f"tidy: self-test: {rule}: {findings}")
            failures += 1
    print(f"tidy: self-test: {len(SELF_TEST) + len(CLEAN) + len(wholes)} cases, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(self_test() if sys.argv[1:] == ["--self-test"] else run())
