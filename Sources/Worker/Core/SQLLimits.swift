public import Base

/// What one worker may spend. Every figure is a bound, not a wish.
public struct SQLLimits: Equatable, Sendable {
    /// Of one call, from the moment it starts running.
    public var queryTime: Interval = .seconds(5)
    /// The largest `limit` a call may ask for.
    public var rowsMax: Int = 1_000
    /// Bytes of one result: the Markdown text and the structured rows together.
    public var resultBytesMax: Int = 1 << 20
    /// Bytes that the engine may allocate, over all connections.
    public var memoryMax: Int64 = 64 << 20
    /// Calls that run at once.
    public var concurrency: Int = 4
    /// Calls that wait for one of those. One more is refused at once.
    public var waitingMax: Int = 1_024
    /// Bytes of the queries of waiting calls together.
    public var waitingBytesMax: Int = 8 << 20
    /// Bytes of the text of one query.
    public var queryBytesMax: Int = 100_000

    public init() {}
}

/// Which objects of a database a caller may name.
public enum Access: Equatable, Sendable {
    /// Every table and view.
    case all
    /// Views only: a table is reached only through a view that reads it.
    case views
}

/// A database as configured. `path` is an absolute path of a SQLite file.
public struct DatabaseConfiguration: Equatable, Sendable {
    public let name: [UInt8]
    public let path: [UInt8]

    public init(name: [UInt8], path: [UInt8]) {
        self.name = name
        self.path = path
    }
}

public struct SQLConfiguration: Equatable, Sendable {
    public var databases: [DatabaseConfiguration] = []
    public var limits = SQLLimits()
    public var access = Access.all

    public init() {}
}
