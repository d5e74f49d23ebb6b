import Base
import Linux
import SupervisorCore

/// `mcp-supervisor run` and `check-config`.
enum RunCommand {
    /// Every step has one error exit. Nothing outside is changed before the configuration has been accepted.
    static func run(_ options: RunOptions) throws(Startup.Failure) -> ExitCode {
        let environment = Self.environment()
        let outcome = try Self.load(options, environment)
        for finding in outcome.findings { Application.printError("\(finding.severity): \(finding)") }
        guard let configuration = outcome.configuration else { return .configuration }
        let verifier = try Credentials.verifier(configuration.authentication, environment)
        do throws(SystemError) {
            // Before anything is spawned or opened: from here on signals are read, not suffered.
            try Signal.brokenPipe.ignore()
            let signals = try SignalFD(blocking: SignalSet([.terminate, .interrupt, .hangup, .user1, .user2]))
            try DescriptorLimit.raise()
            let setup: Startup
            do throws(Startup.Failure) {
                setup = try Startup(configuration)
            } catch {
                Application.printError(error.text)
                return error.code
            }
            return try Self.serve(configuration, verifier, setup, signals)
        } catch {
            throw Startup.Failure(code: .software, text: "\(error)")
        }
    }

    private static func serve(
        _ configuration: Configuration, _ verifier: CredentialVerifier?, _ setup: Startup, _ signals: consuming SignalFD
    ) throws(SystemError) -> ExitCode {
        let now = SystemClock.now()
        let supervisor = Supervisor(
            configuration, access: AccessPolicy(configuration, listeners: setup.addresses, verifier: verifier),
            seed: try Entropy.seed(), unguessable: Startup.sessionID, now: now)
        let log = LogWriter(
            output: .standardError, format: configuration.log.format, level: LogEvent.Level(configuration.log.level))
        var reactor = Reactor(
            supervisor, configuration: configuration, listeners: setup.listeners, command: setup.command, epoll: try Epoll(),
            signals: signals, log: log, now: now, announceReady: { setup.announce() })
        return try reactor.run()
    }

    /// Prints every finding. Success only if `run` would accept the configuration.
    static func check(_ options: RunOptions) throws(Startup.Failure) -> ExitCode {
        let environment = Self.environment()
        let outcome = try Self.load(options, environment)
        for finding in outcome.findings { Application.print("\(finding.severity): \(finding)") }
        guard let configuration = outcome.configuration else { return .configuration }
        _ = try Credentials.verifier(configuration.authentication, environment)
        Application.print("the configuration is accepted")
        return .success
    }

    static func load(
        _ options: RunOptions, _ environment: [EnvironmentVariable]
    ) throws(Startup.Failure) -> ConfigurationLoader.Outcome {
        var input = ConfigurationLoader.Input(options: options, environment: environment)
        if let path = RunOptions.configurationFile(options: options, environment: environment) {
            do {
                input.file = try Files.read(path, limit: ConfigurationLoader.fileBytesMax).bytes
            } catch {
                throw Startup.Failure(code: .configuration, text: "cannot read the configuration \(path): \(error)")
            }
        }
        return ConfigurationLoader.load(input)
    }

    static func environment() -> [EnvironmentVariable] {
        ProcessEnvironment.all().compactMap { entry in
            guard let equals = entry.firstIndex(of: 0x3D), let value = String(validating: entry[(equals + 1)...], as: UTF8.self)
            else { return nil }
            return EnvironmentVariable(name: String(decoding: entry[..<equals], as: UTF8.self), value: value)
        }
    }
}
