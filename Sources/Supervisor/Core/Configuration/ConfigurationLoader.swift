import Base
import MCP
import Wire

/// Makes a `Configuration` out of what the operator wrote: flag > environment > file > profile > default.
///
/// Reads nothing itself: the caller brings the bytes of the file and the environment. Finds everything that is wrong at once.
public struct ConfigurationLoader {
    public struct Input: Sendable {
        /// The bytes of the configuration file; nil without one.
        public var file: [UInt8]?
        public var options: RunOptions
        public var environment: [EnvironmentVariable]

        public init(file: [UInt8]? = nil, options: RunOptions = RunOptions(), environment: [EnvironmentVariable] = []) {
            self.file = file
            self.options = options
            self.environment = environment
        }
    }

    public struct Outcome: Sendable {
        /// Nil when a finding is an error.
        public let configuration: Configuration?
        /// Errors first. Warnings are there in any case.
        public let findings: [Finding]
    }

    // Bound: nobody writes a larger file; a log file given by mistake is not read to its end.
    public static let fileBytesMax = 1 << 20

    let input: Input
    let variables: RunOptions
    var settings: Settings
    var findings: Findings

    public static func load(_ input: Input) -> Outcome {
        var findings = Findings()
        let variables = RunOptions(environment: input.environment)
        let profile = Self.profile(input.options, variables, &findings)
        let settings = Self.settings(input.file, profile, &findings)
        var loader = ConfigurationLoader(input: input, variables: variables, settings: settings, findings: findings)
        let configuration = loader.build()
        let hasErrors = loader.findings.hasErrors
        return Outcome(configuration: hasErrors ? nil : configuration, findings: loader.findings.list)
    }

    private static func profile(_ options: RunOptions, _ variables: RunOptions, _ findings: inout Findings) -> Profile {
        guard let text = options.profile ?? variables.profile else { return .production }
        guard let profile = Profile(rawValue: text) else {
            let path = options.profile != nil ? "--profile" : RunOptions.Name.profile.variable
            findings.error(path, SettingKind.choice(Profile.allCases.map(\.rawValue)).mismatch.reason)
            return .production
        }
        return profile
    }

    private static func settings(_ file: [UInt8]?, _ profile: Profile, _ findings: inout Findings) -> Settings {
        let settings = Settings(profile: profile)
        guard let file else { return settings }
        guard file.count <= Self.fileBytesMax else {
            findings.error("configuration", "the file is larger than \(SettingKind.text(size: Self.fileBytesMax))")
            return settings
        }
        do throws(JSONTextError) {
            let tree = try JSONValue.parse(file, allowingCommentsAndTrailingCommas: true)
            var reader = SettingsReader(settings: settings, findings: findings)
            reader.read(tree)
            findings = reader.findings
            return reader.settings
        } catch {
            findings.error("configuration", error.description)
            return settings
        }
    }

    /// The strongest text of an option, with the words that name its origin.
    func option(_ name: RunOptions.Name) -> (value: String, path: String)? {
        if let value = self.input.options[name] { return (value, "--\(name.rawValue)") }
        return self.variables[name].map { ($0, name.variable) }
    }

    /// The strongest text of an option that also is a key of the file.
    mutating func choice(_ name: RunOptions.Name, key path: String) -> String? {
        guard let (value, origin) = self.option(name), let key = ConfigurationKey.find(Settings.split(path)) else {
            return self.settings.string(path)
        }
        do throws(SettingError) {
            _ = try key.kind.parse(text: value)
            return value
        } catch {
            self.findings.error(origin, error.reason)
            return self.settings.string(path)
        }
    }

    // MARK: The whole

    private mutating func build() -> Configuration? {
        self.checkVariables()
        self.checkUnavailable()
        let transport = self.option(.transport).flatMap { Transport(rawValue: $0.value) } ?? .http
        // Not even looked at: a file that HTTP is served with must do for a local client, too.
        let listeners = transport == .stdio ? [] : self.listeners()
        let servers = self.servers()
        let authentication = self.authentication(listeners)
        let log = self.log()
        let hosts = self.hosts(listeners)
        let origins = self.origins()
        self.checkOrder()
        let defaultServer = self.defaultServer(servers)
        guard let authentication, !servers.isEmpty else { return nil }
        return Configuration(
            profile: self.settings.profile, listeners: listeners, transport: transport, servers: servers,
            defaultServer: defaultServer,
            authentication: authentication, limits: Limits(self.settings),
            cors: CORSSettings(
                origins: origins, allowsCredentials: self.settings.boolean("cors.credentials"),
                age: self.settings.duration("cors.maxAge")),
            hosts: hosts, log: log, drain: DrainSettings(self.settings), restart: RestartLimits(self.settings),
            spawn: SpawnLimits(self.settings), eraKept: self.settings.duration("restart.eraKept"), directories: self.directories()
        )
    }

    /// Variables with our prefix that mean nothing: most likely a misspelt option that would silently not be set.
    private mutating func checkVariables() {
        let known = RunOptions.Name.allCases.map(\.variable)
        for variable in self.input.environment where variable.name.hasPrefix("MCP_SUPERVISOR_") && !known.contains(variable.name)
        {
            let hint = Suggestion.nearest(to: variable.name, among: known).map { "; did you mean \($0)?" } ?? ""
            self.findings.warning(variable.name, "unknown variable, not used\(hint)")
        }
    }

    /// Options of features that come later. Refused where taking them for granted would be less safe or serve nobody.
    private mutating func checkUnavailable() {
        if let (value, origin) = self.option(.transport), Transport(rawValue: value) == nil {
            self.findings.error(origin, SettingKind.choice(Transport.allCases.map(\.rawValue)).mismatch.reason)
        }
        if let (value, origin) = self.option(.isolation) {
            if let reason = Unavailable.isolation(value) {
                self.findings.error(origin, reason)
            } else {
                self.findings.warning(origin, Unavailable.isolationWarning)
            }
        }
    }

    private mutating func log() -> LogSettings {
        let level = self.choice(.logLevel, key: "log.level").flatMap { LogLevel([UInt8]($0.utf8).span) }
        let format = self.choice(.logFormat, key: "log.format").flatMap { LogSettings.Format(rawValue: $0) }
        return LogSettings(level: level ?? .info, format: format ?? .json)
    }

    private mutating func directories() -> Directories {
        Directories(
            runtime: self.places(
                .runtimeDirectory, service: "RUNTIME_DIRECTORY", system: "/run/mcp-supervisor", home: "XDG_RUNTIME_DIR",
                below: "mcp-supervisor"),
            isRuntimeNamed: self.option(.runtimeDirectory) != nil || self.variable("RUNTIME_DIRECTORY")?.hasPrefix("/") == true,
            state: self.places(
                .stateDirectory, service: "STATE_DIRECTORY", system: "/var/lib/mcp-supervisor", home: "HOME",
                below: ".local/state/mcp-supervisor"))
    }

    private mutating func places(
        _ name: RunOptions.Name, service: String, system: String, home: String, below: String
    ) -> [String] {
        if let (value, origin) = self.option(name) {
            if !value.hasPrefix("/") { self.findings.error(origin, "must be an absolute path") }
            return [value]
        }
        // The service manager may name several directories, joined by colons.
        if let value = self.variable(service)?.split(separator: ":").first, value.hasPrefix("/") { return [String(value)] }
        return [system] + (self.variable(home).map { $0.hasPrefix("/") ? ["\($0)/\(below)"] : [] } ?? [])
    }

    func variable(_ name: String) -> String? {
        self.input.environment.first { $0.name == name && !$0.value.isEmpty }?.value
    }

    /// Keys that contradict each other.
    private mutating func checkOrder() {
        for (lower, upper) in ConfigurationKey.ordered {
            switch (self.settings.value(Settings.split(lower)), self.settings.value(Settings.split(upper))) {
            case (.duration(let value), .duration(let bound)) where value > bound:
                self.findings.error(lower, "\(lower) must not be longer than \(upper)")
            case (.integer(let value), .integer(let bound)) where value > bound:
                self.findings.error(lower, "\(lower) must not be larger than \(upper)")
            default: break
            }
        }
    }
}

/// What this version does not do, in words that say what to do instead.
enum Unavailable {
    static func isolation(_ value: String) -> String? {
        switch value {
        case "moderate", "relaxed": nil
        case "strict":
            """
            "strict" is not available in this version, which has no sandbox for workers; run the supervisor itself confined, \
            for example by the hardening options of a systemd unit, and leave the option out
            """
        default: "must be one of strict, moderate, relaxed"
        }
    }

    static let isolationWarning = "accepted, but without effect in this version: workers run without a sandbox of their own"
}

extension Configuration {
    /// What holds without file, options and variables: the built-in sample on both loopback addresses.
    public static let standard: Configuration = {
        guard let configuration = ConfigurationLoader.load(.init()).configuration else {
            preconditionFailure("the defaults contradict each other")
        }
        return configuration
    }()
}
