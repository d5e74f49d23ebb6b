import Base
import Linux
import SupervisorCore

/// `mcp-supervisor run` and `check-config`.
enum RunCommand {
    /// Every step has one error exit. Nothing outside is changed before the configuration has been accepted.
    static func run(_ options: RunOptions) throws(Startup.Failure) -> ExitCode {
        let environment = Self.environment()
        let outcome = try Self.load(options, environment)
        Self.report(outcome.findings)
        guard let configuration = outcome.configuration else { return .configuration }
        try Self.checkPrograms(configuration, options)
        let verifier = try Credentials.verifier(configuration.authentication, environment)
        let signals = try Self.takeSignals()
        // Of supervisors for one local client there are as many as clients.
        let lock = configuration.transport == .stdio ? nil : try RuntimeDirectory.lock(configuration.directories)
        let setup = try Startup(configuration, hasKeys: verifier != nil)
        do throws(SystemError) {
            let code = try Self.serve(configuration, verifier, setup, signals)
            _ = consume lock  // Held until here.
            return code
        } catch {
            throw Startup.Failure(code: .software, text: "\(error)")
        }
    }

    /// Before anything is spawned or opened: from here on signals are read, not suffered.
    private static func takeSignals() throws(Startup.Failure) -> SignalFD {
        do throws(SystemError) {
            try Signal.brokenPipe.ignore()
            try Signal.child.restoreDefault()
            try Processes.becomeSubreaper()
            try DescriptorLimit.raise()
            return try SignalFD(blocking: SignalSet([.terminate, .interrupt, .quit, .child, .hangup, .user1, .user2]))
        } catch {
            throw Startup.Failure(code: .software, text: "\(error)")
        }
    }

    private static func serve(
        _ configuration: Configuration, _ verifier: CredentialVerifier?, _ setup: Startup, _ signals: consuming SignalFD
    ) throws(SystemError) -> ExitCode {
        let now = SystemClock.now()
        let (configuration, warning) = try Self.reservingDescriptors(configuration)
        let endpoints = setup.sockets.endpoints
        let eras = EraMemory(configuration)
        let supervisor = Supervisor(
            configuration, access: AccessPolicy(configuration, listeners: endpoints.map(\.bound), verifier: verifier),
            seed: try Entropy.seed(), unguessable: Startup.sessionID,
            sealing: Sealing(digests: Digest.functions, seal: try StateSeal.functions()),
            eras: configuration.servers.map { eras.remembered($0, wallSeconds: SystemClock.wallSeconds()) }, now: now)
        var log = LogWriter(
            output: .standardError, format: configuration.log.format, level: LogEvent.Level(configuration.log.level))
        for event in setup.events { log.write(event) }
        if let warning { log.write(warning) }
        let announcement = Announcement(endpoints: endpoints, hosts: configuration.hosts)
        // stdout holds nothing but messages when a client reads it.
        let announces = !configuration.transport.usesStandardStreams
        var reactor = Reactor(
            supervisor, configuration: configuration, listeners: setup.sockets.listeners, command: setup.command, eras: eras,
            epoll: try Epoll(), signals: signals, log: log, now: now,
            announceReady: { if announces { Application.print(announcement.text, terminator: "") } })
        if configuration.transport.usesStandardStreams { reactor.openStandardStreams() }
        return try reactor.run()
    }

    /// Descriptors that connections may not take: of listeners, epoll, log and the like, and for starting one process.
    private static let descriptorReserve = 32
    /// A worker holds up to five; more exist for a moment while one follows another.
    private static let descriptorsPerServer = 8

    /// However many clients come, a worker that has died can be started again.
    private static func reservingDescriptors(
        _ configuration: Configuration
    ) throws(SystemError) -> (Configuration, LogEvent?) {
        let limit = try DescriptorLimit.current()
        let reserve = Self.descriptorReserve + Self.descriptorsPerServer * configuration.servers.count
        guard configuration.limits.connections > limit - reserve else { return (configuration, nil) }
        let lowered = configuration.loweringConnections(to: limit - reserve)
        return (
            lowered,
            LogEvent(
                // The default is what a machine can do; a figure that somebody chose is a promise.
                configuration.limits.areConnectionsConfigured ? .warning : .info,
                "fewer connections than limits.connections allows: raise the limit of open files (ulimit -n, LimitNOFILE)",
                [
                    .number("connections", lowered.limits.connections), .number("asked", configuration.limits.connections),
                    .number("openFiles", limit),
                ])
        )
    }

    /// The one command that was typed must be there. Of configured servers the others still run, so it is a warning.
    private static func checkPrograms(_ configuration: Configuration, _ options: RunOptions) throws(Startup.Failure) {
        guard options.command != nil else { return Self.report(Programs.findings(configuration.servers)) }
        for case .command(let command) in configuration.servers.map(\.kind) {
            if let problem = Programs.problem(command) { throw Startup.Failure(code: .configuration, text: problem) }
        }
    }

    /// For people, in plain text: the log and its format begin when the configuration has been accepted.
    private static func report(_ findings: [Finding]) {
        for finding in findings { Application.printError("\(finding.severity): \(finding)") }
    }

    /// Prints every finding. Success only if `run` would accept the configuration.
    static func check(_ options: RunOptions) throws(Startup.Failure) -> ExitCode {
        let environment = Self.environment()
        let outcome = try Self.load(options, environment)
        let programs = outcome.configuration.map { Programs.findings($0.servers) } ?? []
        for finding in outcome.findings + programs { Application.print("\(finding.severity): \(finding)") }
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
