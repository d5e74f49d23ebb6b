/// What the command line and the environment can say about a run, as text. Which of them wins is decided by `merged`; whether the
/// text is acceptable, by `ConfigurationLoader`.
public struct RunOptions: Equatable, Sendable {
    public var config: String?
    public var profile: String?
    public var host: String?
    public var port: String?
    /// Nil: not given. Several addresses are one statement.
    public var listen: [String]?
    public var transport: String?
    public var isolation: String?
    public var logLevel: String?
    public var logFormat: String?
    public var runtimeDirectory: String?
    public var stateDirectory: String?
    /// What follows `--`: a program and its arguments, served instead of `mcpServers`. Never from the environment.
    public var command: [String]?

    public init() {}

    /// Every option that has a variable, in the order of the help text.
    enum Name: String, CaseIterable {
        case config, profile, host, port, listen, transport, isolation
        case logLevel = "log-level"
        case logFormat = "log-format"
        case runtimeDirectory = "runtime-dir"
        case stateDirectory = "state-dir"

        /// `MCP_SUPERVISOR_LOG_LEVEL` for `--log-level`.
        var variable: String {
            "MCP_SUPERVISOR_" + String(decoding: self.rawValue.utf8.map { $0 == 0x2D ? 0x5F : $0 & 0xDF }, as: UTF8.self)
        }
    }

    subscript(name: Name) -> String? {
        switch name {
        case .config: self.config
        case .profile: self.profile
        case .host: self.host
        case .port: self.port
        case .listen: self.listen?.joined(separator: ",")
        case .transport: self.transport
        case .isolation: self.isolation
        case .logLevel: self.logLevel
        case .logFormat: self.logFormat
        case .runtimeDirectory: self.runtimeDirectory
        case .stateDirectory: self.stateDirectory
        }
    }

    mutating func set(_ name: Name, _ value: String) {
        switch name {
        case .config: self.config = value
        case .profile: self.profile = value
        case .host: self.host = value
        case .port: self.port = value
        case .listen: self.listen = (self.listen ?? []) + value.split { $0 == "," || $0 == " " }.map { String($0) }
        case .transport: self.transport = value
        case .isolation: self.isolation = value
        case .logLevel: self.logLevel = value
        case .logFormat: self.logFormat = value
        case .runtimeDirectory: self.runtimeDirectory = value
        case .stateDirectory: self.stateDirectory = value
        }
    }

    /// The options that variables give. An empty variable counts as absent: that is how unit files and containers switch one off.
    public init(environment: [EnvironmentVariable]) {
        for name in Name.allCases {
            guard let variable = environment.first(where: { $0.name == name.variable }), !variable.value.isEmpty else { continue }
            self.set(name, variable.value)
        }
    }

    /// The file to read, if any is named.
    public static func configurationFile(options: RunOptions, environment: [EnvironmentVariable]) -> String? {
        options.config ?? RunOptions(environment: environment).config
    }
}
