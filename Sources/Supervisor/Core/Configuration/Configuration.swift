public import Base
public import MCP

/// Everything an operator decides, parsed once at start or reload and never changed afterwards.
///
/// Made by `ConfigurationLoader`; there is no other way to one, so a value that exists has passed every check.
public struct Configuration: Equatable, Sendable {
    public let profile: Profile
    /// None twice; none at all only with `Transport.stdio`.
    public let listeners: [ListenAddress]
    public let transport: Transport
    /// At least one, in the order of the file, names unique. Only those that this version can run.
    public let servers: [ServerConfiguration]
    /// Index into `servers` of the one that answers at `/mcp`.
    public let defaultServer: Int
    public let authentication: AuthenticationSettings
    public internal(set) var limits: Limits
    public let cors: CORSSettings
    public let hosts: HostSettings
    public let log: LogSettings
    public let drain: DrainSettings
    public let restart: RestartLimits
    public let spawn: SpawnLimits
    /// How long the era of a server is believed once it was found out.
    public let eraKept: Interval
    public let directories: Directories

    /// The same for a machine on which not so many connections are possible. Never raises the limit, nor lowers it below one.
    public func loweringConnections(to count: Int) -> Configuration {
        var lowered = self
        lowered.limits.connections = Swift.max(1, Swift.min(self.limits.connections, count))
        return lowered
    }
}

/// How clients reach us.
public enum Transport: String, CaseIterable, Sendable {
    /// Over sockets, by HTTP and what begins as HTTP.
    case http
    /// One client, on our own stdin and stdout.
    case stdio
    case both

    public var usesStandardStreams: Bool { self != .http }
}

/// Sets of defaults for a kind of installation. Everything a profile changes can also be written in the file.
public enum Profile: String, CaseIterable, Sendable {
    case development, staging, production
}

/// Where the supervisor keeps its own files: the places in the order in which they are tried. One that an operator chose is the
/// only one.
public struct Directories: Equatable, Sendable {
    /// For sockets and the pid file; gone after a reboot.
    public let runtime: [String]
    /// Whether the operator or the service manager named `runtime`. Only then a pid file is kept there: without a name, several
    /// supervisors on one machine would all mean the same place.
    public let isRuntimeNamed: Bool
    /// For what must survive a reboot.
    public let state: [String]
}

public struct AuthenticationSettings: Equatable, Sendable {
    public enum Requirement: String, CaseIterable, Sendable {
        /// Off on loopback and on Unix sockets (whose mode decides), on everywhere else.
        case auto
        case always = "true"
        /// Only allowed while every listener is local.
        case never = "false"
    }

    public let requirement: Requirement
    /// Absolute path of the key file.
    public let keyFile: String?
    public let penalties: PenaltyLimits

    /// Whether a request that came in through this listener must carry a credential.
    public func isRequired(on listener: ListenAddress) -> Bool {
        switch self.requirement {
        case .always: true
        case .never: false
        case .auto: !listener.isLocal
        }
    }

    /// The same for a socket whose address was found out by asking the kernel. Nil: a Unix socket.
    public func isRequired(onAddress address: IPAddress?) -> Bool {
        self.isRequired(on: address.map { .tcp($0, port: 0) } ?? .unix(path: "/"))
    }
}

/// What failed authentications cost their source (modelled on OpenSSH's PerSourcePenalties).
public struct PenaltyLimits: Equatable, Sendable {
    /// Added by each failure.
    public let perFailure: Interval
    /// A source is refused from this much accumulated penalty on.
    public let enforcedFrom: Interval
    /// No source accumulates more.
    public let max: Interval
    /// Sources remembered at once.
    public let sourcesMax: Int
}

public struct CORSSettings: Equatable, Sendable {
    /// Exact origins, for example `https://app.example.com`. Empty: no CORS field is ever sent.
    public let origins: [String]
    /// Whether browsers may send cookies and HTTP authentication. Never together with a wildcard, which is not accepted anyway.
    public let allowsCredentials: Bool
    /// How long a browser may keep a preflight answer.
    public let age: Interval
}

public struct HostSettings: Equatable, Sendable {
    /// Whether the names of the listeners themselves are accepted: `localhost`, `127.0.0.1`, `[::1]` for loopback, the address
    /// for any other.
    public let includesListeners: Bool
    /// Lower case, with or without `:port`; without one every port is accepted.
    public let names: [String]
}

public struct LogSettings: Equatable, Sendable {
    public enum Format: String, CaseIterable, Sendable {
        case json, text
    }

    public let level: LogLevel
    public let format: Format
}

public struct DrainSettings: Equatable, Sendable {
    /// How long running calls may take after the first signal to stop.
    public let deadline: Interval
    /// What is left of it after a second signal.
    public let hurriedDeadline: Interval
    /// How long a worker may take to leave after its stdin was closed, and again after SIGTERM, before SIGKILL.
    public let workerGrace: Interval
}

/// When a dead worker is started again. See `RestartPolicy`.
public struct RestartLimits: Equatable, Sendable {
    /// Deaths inside `window` that open the circuit.
    public let deathsMax: Int
    public let window: Interval
    /// The first delay that is not zero; it doubles with each further death.
    public let delayMin: Interval
    public let delayMax: Interval
    /// A worker that lived this long forgets its deaths.
    public let stable: Interval
    /// A worker that lived this long is restarted at once.
    public let settled: Interval
    /// How long the circuit stays open the first time; doubles with each failed probe.
    public let openMin: Interval
    public let openMax: Interval
}

/// Spawns of all workers together.
public struct SpawnLimits: Equatable, Sendable {
    public let perSecond: Int
    public let burst: Int
}
