import Base
import Testing

@testable import SupervisorCore

@Suite struct CommandTests {
    private static func parse(_ line: String) -> Result<Command, UsageError> {
        Command.parse(line.split(separator: " ").map { String($0) })
    }

    @Test(arguments: [
        ("--version", Command.version), ("--help", .help(.overview)), ("-h", .help(.overview)), ("help", .help(.overview)),
        ("help run", .help(.run)), ("help check-config", .help(.checkConfig)), ("run --help", .help(.run)),
        ("run --port 1 -h", .help(.run)),
        ("key --help", .help(.key)), ("key create -h", .help(.key)), ("check-config --help", .help(.checkConfig)),
        ("run", .run(RunOptions())), ("key list", .listKeys(KeyFileOption())),
        ("key list --keys /k", .listKeys(KeyFileOption(keys: "/k"))),
        ("key list --config=/c", .listKeys(KeyFileOption(config: "/c"))),
        ("key create --group g", .createKey(group: "g", expires: nil, KeyFileOption())),
        ("key create --expires 90d --group=g", .createKey(group: "g", expires: .hours(24 * 90), KeyFileOption())),
        ("key revoke abc", .revokeKey(id: "abc", KeyFileOption())),
        ("key revoke --keys /k abc", .revokeKey(id: "abc", KeyFileOption(keys: "/k"))),
        ("check-config", .checkConfiguration(RunOptions())),
    ])
    func `a command is understood`(line: String, command: Command) {
        #expect(Self.parse(line) == .success(command))
    }

    @Test func `every option of run is understood, in both spellings`() {
        var expected = RunOptions()
        expected.config = "/c"
        expected.profile = "staging"
        expected.listen = ["127.0.0.1:1", "unix:/a", "fd:b"]
        expected.transport = "http"
        expected.isolation = "moderate"
        expected.logLevel = "error"
        expected.logFormat = "text"
        expected.runtimeDirectory = "/r"
        expected.stateDirectory = "/s"
        expected.command = ["python3", "--port", "x", "--"]
        let line = """
            run --config /c --profile=staging --listen 127.0.0.1:1 --listen=unix:/a --listen fd:b --transport http --isolation moderate \
            --log-level error --log-format=text --runtime-dir /r --state-dir=/s -- python3 --port x --
            """
        #expect(Self.parse(line) == .success(.run(expected)))
    }

    @Test func `host and port are one way to say where to listen`() {
        var expected = RunOptions()
        expected.host = "::1"
        expected.port = "0"
        #expect(Self.parse("run --host ::1 --port 0") == .success(.run(expected)))
    }

    @Test func `the file of check-config may be a word or an option`() {
        var expected = RunOptions()
        expected.config = "/c"
        #expect(Self.parse("check-config /c") == .success(.checkConfiguration(expected)))
        #expect(Self.parse("check-config --config /c") == .success(.checkConfiguration(expected)))
        expected.profile = "development"
        #expect(Self.parse("check-config --profile development /c") == .success(.checkConfiguration(expected)))
    }

    @Test(arguments: [
        ("", "a command is missing"), ("rnu", "rnu is no command; did you mean run?"), ("--port 1", "--port is no command"),
        ("run --prot 1", "--prot is no option; did you mean --port?"), ("run --port", "--port needs a value"),
        ("run --port=", "--port needs a value"),
        ("run --port --host", "--port needs a value"), ("run --port 1 --port 2", "--port is given twice"),
        ("run --port 65536", "--port: the port must"),
        ("run --port 8o", "--port: the port must"), ("run --host example.com", "--host: host names are not resolved here"),
        ("run --listen 1", "--listen: the port is missing"),
        ("run --listen 127.0.0.1:1 --port 2", "--listen already names host and port"),
        ("run --log-level loud", "--log-level: must be one of debug"),
        ("run --log-format xml", "--log-format: must be one of json, text"),
        ("run --profile prod", "--profile: must be one of development, staging, production"),
        ("run --state-dir x", "--state-dir: must be an absolute path"),
        ("run server.py", "server.py is no option; a command to serve stands after --"),
        ("run --", "a command must follow --"),
        ("run --transport tcp", "--transport: must be one of http, stdio, both"),
        ("run --isolation strict", "--isolation: \"strict\" is not available in this version"),
        ("run --isolation x", "--isolation: must be one of"),
        ("stdio --port 1", "stdio listens on no address"), ("stdio --transport http", "stdio listens on no address"),
        ("stdio x", "x is no option"),
        ("status --json", "status: not available in this version"),
        ("help stop", "stop: not available in this version"), ("reload", "reload: not available"),
        ("upgrade", "upgrade: not available"),
        ("drain", "drain: not available in this version; SIGTERM drains"), ("logs", "logs: not available"),
        ("help x", "x is no command"),
        ("help run key", "help takes one command, but key follows"), ("key", "key needs one of create, list, revoke"),
        ("key make", "make is no key command"), ("key create", "key create needs --group"),
        ("key create x", "x: nothing more is expected here"),
        ("key create --group .g", "--group: must be 1 to 64"),
        ("key create --group g --expires 5", "--expires: must be a time from"),
        ("key create --group g --expires 1s", "--expires: out of range"), ("key revoke", "key revoke needs the id"),
        ("key revoke a_b", "a_b is no id of a key"), ("key revoke a b", "b: nothing more is expected here"),
        ("key list --group g", "--group is no option"), ("key list --keys /k --config /c", "--keys already names the file"),
        ("check-config a b", "b: the file is named twice"), ("check-config a --config b", "b: the file is named twice"),
        ("check-config --port 1", "--port is no option"), ("check-config --profile x", "--profile: must be one of"),
    ])
    func `a wrong line is answered with what is wrong`(line: String, message: String) {
        guard case .failure(let error) = Self.parse(line) else { return #expect(Bool(false), "\(line) was understood") }
        #expect(error.message.hasPrefix(message), "\(error.message)")
        #expect(error.description.contains("\nTry: mcp-supervisor "))
    }

    @Test(arguments: HelpTopic.allCases)
    func `help fits a terminal and ends in a line`(topic: HelpTopic) {
        #expect(topic.text.hasSuffix("\n"))
        for line in topic.text.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
    }

    @Test func `help of run names every option`() {
        for name in RunOptions.Name.allCases { #expect(HelpTopic.run.text.contains("--\(name.rawValue) "), "\(name)") }
    }

    @Test func `exit codes are the documented ones`() {
        #expect(ExitCode.allCases.map(\.rawValue) == [0, 64, 69, 70, 75, 77, 78])
    }
}

@Suite struct SettingKindTests {
    @Test(arguments: [
        ("500ms", Interval.milliseconds(500)), ("10s", .seconds(10)), ("5m", .minutes(5)), ("1h", .hours(1)), ("1d", .hours(24)),
        ("0s", .zero), ("1ms", .milliseconds(1)), ("90m", .minutes(90)),
    ])
    func `times are read`(text: String, interval: Interval) throws {
        #expect(try SettingKind.duration(.zero ... .hours(24 * 400)).parse(text: text) == .duration(interval))
    }

    @Test(arguments: [
        "", "10", "s", "-1s", "+1s", "1.5s", "1 s", "1S", "1s ", "1us", "1w", "99999999999999999999s", "9999999999999h", "٣s",
    ])
    func `anything else is no time`(text: String) {
        #expect(throws: SettingError.self) { try SettingKind.duration(.zero ... .hours(24 * 400)).parse(text: text) }
    }

    @Test(arguments: [("512K", 512 << 10), ("4M", 4 << 20), ("1G", 1 << 30), ("7", 7), ("0", 0)])
    func `sizes are read`(text: String, size: Int) throws {
        #expect(try SettingKind.size(0...(1 << 40)).parse(text: text) == .integer(size))
    }

    @Test(arguments: ["", "K", "4k", "4MB", "4 M", "-1", "1e3", "0x10", "9999999999999999G", "4M4"])
    func `anything else is no size`(text: String) {
        #expect(throws: SettingError.self) { try SettingKind.size(0...(1 << 40)).parse(text: text) }
    }

    @Test(arguments: [("50%", 50), ("100%", 100), ("1%", 1)])
    func `percentages are read`(text: String, percent: Int) throws {
        #expect(try SettingKind.percent(1...400).parse(text: text) == .integer(percent))
    }

    @Test(arguments: ["50", "%", "0%", "401%", "-1%", "5 %", "0.5%"])
    func `anything else is no percentage`(text: String) {
        #expect(throws: SettingError.self) { try SettingKind.percent(1...400).parse(text: text) }
    }

    @Test(
        arguments: [
            ("memroy", ["memory", "cpu"], "memory"), ("lsiten", ["listen", "limits"], "listen"), ("LISTEN", ["listen"], "listen"),
            ("x", ["listen"], nil), ("deadlines", ["deadline"], "deadline"), ("calltimeout", ["callTimeout"], "callTimeout"),
        ] as [(String, [String], String?)])
    func `the nearest key is suggested, if it is near`(word: String, known: [String], suggestion: String?) {
        #expect(Suggestion.nearest(to: word, among: known) == suggestion)
    }
}
