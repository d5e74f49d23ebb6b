public import Base

/// What the command line asks for.
public enum Command: Equatable, Sendable {
    case run(RunOptions)
    /// `options.config` is the file, however it was named.
    case checkConfiguration(RunOptions)
    case createKey(group: String, expires: Interval?, KeyFileOption)
    case listKeys(KeyFileOption)
    case revokeKey(id: String, KeyFileOption)
    case version
    case help(HelpTopic)
}

/// Where `key` finds the key file: named, or by `auth.keys` of the configuration.
public struct KeyFileOption: Equatable, Sendable {
    public var keys: String?
    public var config: String?

    public init(keys: String? = nil, config: String? = nil) {
        self.keys = keys
        self.config = config
    }
}

/// Why a command line is not understood. Exit 64.
public struct UsageError: Error, Equatable, Sendable, CustomStringConvertible {
    public let message: String
    /// Whose help says more.
    public let topic: HelpTopic

    public var description: String {
        let command = self.topic == .overview ? "mcp-supervisor --help" : "mcp-supervisor help \(self.topic.rawValue)"
        return "\(self.message)\nTry: \(command)"
    }
}

extension Command {
    /// `arguments` without the program's name.
    public static func parse(_ arguments: [String]) -> Result<Command, UsageError> {
        var parser = CommandParser(arguments[...])
        do throws(UsageError) {
            return .success(try parser.parse())
        } catch {
            return .failure(error)
        }
    }
}

private struct CommandParser {
    var rest: ArraySlice<String>
    var topic = HelpTopic.overview

    init(_ arguments: ArraySlice<String>) { self.rest = arguments }

    private static let commands = ["run", "stdio", "check-config", "key", "help"]

    mutating func parse() throws(UsageError) -> Command {
        guard let first = self.rest.popFirst() else { throw self.wrong("a command is missing") }
        switch first {
        case "--help", "-h": return .help(.overview)
        case "--version": return .version
        case "help": return try self.help()
        case "run":
            self.topic = .run
            return try self.run()
        case "stdio":
            self.topic = .stdio
            return try self.stdio()
        case "check-config":
            self.topic = .checkConfig
            return try self.checkConfig()
        case "key":
            self.topic = .key
            return try self.key()
        default:
            if let reason = UnavailableCommand.reason(first) { throw self.wrong("\(first): \(reason)") }
            throw self.unknown("command", first, among: Self.commands)
        }
    }

    // MARK: Commands

    private mutating func help() throws(UsageError) -> Command {
        guard let name = self.rest.popFirst() else { return .help(.overview) }
        if let extra = self.rest.first { throw self.wrong("help takes one command, but \(extra) follows") }
        guard let topic = HelpTopic(rawValue: name) else {
            if let reason = UnavailableCommand.reason(name) { throw self.wrong("\(name): \(reason)") }
            throw self.unknown("command", name, among: Self.commands)
        }
        return .help(topic)
    }

    /// `run` for the client on our own stdin and stdout alone.
    private mutating func stdio() throws(UsageError) -> Command {
        let command = try self.run()
        guard case .run(var options) = command else { return command }
        guard options.listen == nil, options.host == nil, options.port == nil, options.transport == nil else {
            throw self.wrong("stdio listens on no address and has one transport; for both, use run --transport both")
        }
        options.transport = Transport.stdio.rawValue
        return .run(options)
    }

    private mutating func run() throws(UsageError) -> Command {
        var options = RunOptions()
        var seen: [String] = []
        while let argument = self.rest.popFirst() {
            if argument == "--" {
                guard let program = self.rest.first, !program.isEmpty else { throw self.wrong("a command must follow --") }
                options.command = Array(self.rest)
                self.rest = []
                break
            }
            if Self.isHelp(argument) { return .help(self.topic) }
            guard argument.hasPrefix("-") else {
                throw self.wrong("\(argument) is no option; a command to serve stands after --")
            }
            let (name, value) = try self.option(argument, known: RunOptions.Name.allCases.map { "--\($0.rawValue)" }, &seen)
            guard let option = RunOptions.Name(rawValue: String(name.dropFirst(2))) else {
                throw self.wrong("\(name) is unknown")
            }
            if let reason = OptionSyntax.reason(option, value) { throw self.wrong("\(name): \(reason)") }
            options.set(option, value)
        }
        if options.listen != nil, options.host != nil || options.port != nil {
            throw self.wrong("--listen already names host and port; leave out --host and --port")
        }
        return .run(options)
    }

    private mutating func checkConfig() throws(UsageError) -> Command {
        var options = RunOptions()
        var seen: [String] = []
        while let argument = self.rest.popFirst() {
            if Self.isHelp(argument) { return .help(.checkConfig) }
            guard argument.hasPrefix("-") else {
                guard options.config == nil else { throw self.wrong("\(argument): the file is named twice") }
                options.config = argument
                continue
            }
            let (name, value) = try self.option(argument, known: ["--config", "--profile"], &seen)
            switch name {
            case "--config":
                guard options.config == nil else { throw self.wrong("\(value): the file is named twice") }
                options.config = value
            default:
                if let reason = OptionSyntax.reason(.profile, value) { throw self.wrong("\(name): \(reason)") }
                options.profile = value
            }
        }
        return .checkConfiguration(options)
    }

    private mutating func key() throws(UsageError) -> Command {
        guard let verb = self.rest.popFirst() else { throw self.wrong("key needs one of create, list, revoke") }
        if Self.isHelp(verb) { return .help(.key) }
        guard ["create", "list", "revoke"].contains(verb) else {
            throw self.unknown("key command", verb, among: ["create", "list", "revoke"])
        }
        var file = KeyFileOption()
        var group: String?
        var expires: Interval?
        var id: String?
        var seen: [String] = []
        let known = ["--keys", "--config"] + (verb == "create" ? ["--group", "--expires"] : [])
        while let argument = self.rest.popFirst() {
            if Self.isHelp(argument) { return .help(.key) }
            guard argument.hasPrefix("-") else {
                guard verb == "revoke", id == nil else { throw self.wrong("\(argument): nothing more is expected here") }
                guard APIKey.isID(argument) else { throw self.wrong("\(argument) is no id of a key; key list shows them") }
                id = argument
                continue
            }
            let (name, value) = try self.option(argument, known: known, &seen)
            switch name {
            case "--keys": file.keys = value
            case "--config": file.config = value
            case "--group":
                guard ConfigurationLoader.isServerName(value) else {
                    throw self.wrong("--group: must be 1 to 64 characters of A-Z a-z 0-9 . _ - that do not begin with a dot")
                }
                group = value
            default: expires = try self.expiry(value)
            }
        }
        if file.keys != nil, file.config != nil { throw self.wrong("--keys already names the file; leave out --config") }
        switch (verb, group, id) {
        case ("create", let group?, _): return .createKey(group: group, expires: expires, file)
        case ("create", nil, _): throw self.wrong("key create needs --group")
        case ("revoke", _, let id?): return .revokeKey(id: id, file)
        case ("revoke", _, nil): throw self.wrong("key revoke needs the id of a key; key list shows them")
        case (_, _, _): return .listKeys(file)
        }
    }

    private func expiry(_ text: String) throws(UsageError) -> Interval {
        let kind = SettingKind.duration(.minutes(1) ... .hours(24 * 3_650))
        do throws(SettingError) {
            guard case .duration(let interval) = try kind.parse(text: text) else { throw kind.mismatch }
            return interval
        } catch {
            throw self.wrong("--expires: \(error.reason)")
        }
    }

    // MARK: Parts

    /// The name and value of `--name value` or `--name=value`.
    private mutating func option(
        _ argument: String, known: [String], _ seen: inout [String]
    ) throws(UsageError) -> (name: String, value: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        guard known.contains(name) else { throw self.unknown("option", name, among: known) }
        guard name == "--listen" || !seen.contains(name) else { throw self.wrong("\(name) is given twice") }
        seen.append(name)
        if parts.count == 2 {
            guard !parts[1].isEmpty else { throw self.wrong("\(name) needs a value") }
            return (name, String(parts[1]))
        }
        guard let value = self.rest.first, value != "--", !value.isEmpty, !value.hasPrefix("--") else {
            throw self.wrong("\(name) needs a value")
        }
        self.rest.removeFirst()
        return (name, value)
    }

    private static func isHelp(_ argument: String) -> Bool { argument == "--help" || argument == "-h" }

    private func wrong(_ message: String) -> UsageError { UsageError(message: message, topic: self.topic) }

    private func unknown(_ kind: String, _ word: String, among known: [String]) -> UsageError {
        let hint = Suggestion.nearest(to: word, among: known).map { "; did you mean \($0)?" } ?? ""
        return self.wrong("\(word) is no \(kind)\(hint)")
    }
}

/// Commands that later versions have.
private enum UnavailableCommand {
    static func reason(_ name: String) -> String? {
        switch name {
        case "start", "stop", "restart", "status", "top":
            """
            not available in this version; start it with mcp-supervisor run (under systemd, for example), end it with SIGTERM, and \
            ask GET /health how it is
            """
        case "drain": "not available in this version; SIGTERM drains: running calls finish, then the supervisor ends"
        case "reload", "upgrade":
            "not available in this version; end the supervisor with SIGTERM, which drains, and start it again"
        case "logs": "not available in this version; the log is written to stderr, under systemd read it with journalctl"
        default: nil
        }
    }
}

/// What can be said about the value of an option without the rest of the configuration. Nil: nothing against it.
private enum OptionSyntax {
    static func reason(_ name: RunOptions.Name, _ value: String) -> String? {
        switch name {
        case .config: nil
        case .profile: self.choice(Profile.allCases.map(\.rawValue), value)
        case .host: self.address { () throws(ListenAddress.Malformed) in _ = try ListenAddress.parseHost(value) }
        case .port: self.address { () throws(ListenAddress.Malformed) in _ = try ListenAddress.parsePort(value) }
        case .listen: self.address { () throws(ListenAddress.Malformed) in _ = try ListenAddress.parse(value) }
        case .transport: self.choice(Transport.allCases.map(\.rawValue), value)
        case .isolation: Unavailable.isolation(value)
        case .logLevel: ConfigurationKey.find(["log", "level"]).flatMap { self.kind($0.kind, value) }
        case .logFormat: self.choice(LogSettings.Format.allCases.map(\.rawValue), value)
        case .runtimeDirectory, .stateDirectory: value.hasPrefix("/") ? nil : "must be an absolute path"
        }
    }

    private static func choice(_ choices: [String], _ value: String) -> String? { self.kind(.choice(choices), value) }

    private static func kind(_ kind: SettingKind, _ value: String) -> String? {
        do throws(SettingError) {
            _ = try kind.parse(text: value)
            return nil
        } catch {
            return error.reason
        }
    }

    private static func address(_ read: () throws(ListenAddress.Malformed) -> Void) -> String? {
        do throws(ListenAddress.Malformed) {
            try read()
            return nil
        } catch {
            return error.reason
        }
    }
}
