public import SupervisorCore
import Base
import Linux

/// `mcp-supervisor run`: everything between the parsed options and the exit status.
public enum Application {
    /// BSD sysexits, as far as the interface names them.
    public enum ExitStatus {
        public static let usage: Int32 = 64
        public static let unavailable: Int32 = 69
        public static let software: Int32 = 70
        public static let permission: Int32 = 77
        public static let configuration: Int32 = 78
    }

    /// Each step has one error exit. Nothing of the outside is changed before the configuration has been accepted.
    public static func run(_ options: RunOptions) -> Int32 {
        let environment = Self.environment()
        var input = ConfigurationLoader.Input(options: options, environment: environment)
        if let path = RunOptions.configurationFile(options: options, environment: environment) {
            do {
                input.file = try Files.read(path, limit: ConfigurationLoader.fileBytesMax).bytes
            } catch {
                return Self.fail(ExitStatus.configuration, "cannot read the configuration \(path): \(error)")
            }
        }
        let outcome = ConfigurationLoader.load(input)
        for finding in outcome.findings { Self.printError("\(finding.severity): \(finding)") }
        guard let configuration = outcome.configuration else { return ExitStatus.configuration }
        do {
            return try Self.serve(configuration, environment)
        } catch {
            return Self.fail(ExitStatus.software, "\(error)")
        }
    }

    private static func serve(_ configuration: Configuration, _ environment: [EnvironmentVariable]) throws(SystemError) -> Int32 {
        try Signal.brokenPipe.ignore()
        let signals = try SignalFD(blocking: SignalSet([.terminate, .interrupt, .hangup, .user1, .user2]))
        try DescriptorLimit.raise()
        let setup: Startup
        let verifier: CredentialVerifier?
        do throws(Startup.Failure) {
            verifier = try Credentials.verifier(configuration.authentication, environment)
            setup = try Startup(configuration)
        } catch {
            return Self.fail(error.status, error.text)
        }
        let now = SystemClock.now()
        let seed = try Entropy.seed()
        let supervisor = Supervisor(
            configuration, access: AccessPolicy(configuration, listeners: setup.addresses, verifier: verifier), seed: seed, unguessable: Startup.sessionID, now: now)
        let log = LogWriter(
            output: .standardError, format: configuration.log.format, level: LogEvent.Level(configuration.log.level))
        var reactor = Reactor(
            supervisor, configuration: configuration, listeners: setup.listeners, command: setup.command, epoll: try Epoll(),
            signals: signals, log: log, now: now, announceReady: { setup.announce() })
        return try reactor.run()
    }

    static func environment() -> [EnvironmentVariable] {
        ProcessEnvironment.all().compactMap { entry in
            guard let equals = entry.firstIndex(of: 0x3D), let value = String(validating: entry[(equals + 1)...], as: UTF8.self)
            else { return nil }
            return EnvironmentVariable(name: String(decoding: entry[..<equals], as: UTF8.self), value: value)
        }
    }

    static func fail(_ status: Int32, _ text: String) -> Int32 {
        Self.printError(text)
        return status
    }

    static func printError(_ text: String) {
        try? FileDescriptor.standardError.writeAll(Array("mcp-supervisor: \(text)\n".utf8).span)
    }
}
