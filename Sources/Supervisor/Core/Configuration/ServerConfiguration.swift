public import Base
import MCP

/// One MCP server behind the supervisor.
public struct ServerConfiguration: Equatable, Sendable {
    /// What is started for it.
    public enum Kind: Equatable, Sendable {
        /// Any program that speaks MCP over stdin and stdout.
        case command(CommandSpecification)
        /// `mcp-worker sql` over these databases; at least one, names unique.
        case sql([DatabaseConfiguration])
    }

    /// 1 to 64 characters of `A-Z a-z 0-9 . _ -`, since it is part of a path that is compared byte by byte.
    public let name: String
    public let kind: Kind
    public let workers: WorkerSettings
    public let era: EraSetting
    /// Whether one process may take over from another unnoticed. Nil: not said, and sessions go on as if it may; false: the sessions
    /// of a process end with it.
    public let isStateless: Bool?

    /// The era that needs no finding out. Our own worker speaks both, and the modern one needs the least rewriting.
    var fixedEra: Revision.Era? {
        switch (self.kind, self.era) {
        case (.sql, _), (.command, .modern): .modern
        case (.command, .legacy): .legacy
        case (.command, .auto): nil
        }
    }
}

/// How a server is to be spoken to.
public enum EraSetting: String, CaseIterable, Sendable {
    /// It is asked, in a process of its own.
    case auto
    /// By `initialize`.
    case legacy
    /// As revision 2026-07-28 says.
    case modern
}

public struct CommandSpecification: Equatable, Sendable {
    /// An absolute path, or a name to be looked up in PATH by whoever starts it.
    public let command: String
    public let arguments: [String]
    /// The whole environment besides the few variables the supervisor passes on. In the order of the file.
    public let environment: [EnvironmentVariable]
    public let directory: String?

    public init(command: String, arguments: [String], environment: [EnvironmentVariable], directory: String?) {
        self.command = command
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
    }
}

public struct EnvironmentVariable: Equatable, Sendable {
    public let name: String
    public let value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

public struct DatabaseConfiguration: Equatable, Sendable {
    public enum Source: Equatable, Sendable {
        /// The sample shop in the state directory, made when it is missing.
        case sample
        /// An absolute path.
        case sqlite(path: String)
    }

    public let name: String
    public let source: Source
}

/// Bounds of the workers of one server.
public struct WorkerSettings: Equatable, Sendable {
    /// Calls that one worker has at the same time.
    public let concurrency: Int
    /// Calls that wait for a free place; the next one is refused.
    public let queueMax: Int
    /// Bytes of the calls that wait or are being written.
    public let queueBytesMax: Int
    /// From spawn to the end of the handshake.
    public let startTimeout: Interval
    /// From dispatch to answer. A call that takes longer is cancelled and answered with an error.
    public let callTimeout: Interval
}
