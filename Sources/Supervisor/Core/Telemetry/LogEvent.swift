public import Base

/// One thing worth telling an operator. Rendered (JSON or text) by the edge; never holds a secret or a client's payload.
public struct LogEvent: Equatable, Sendable {
    public enum Level: UInt8, Comparable, Sendable {
        case debug, info, warning, error

        public static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }
    }

    public enum Value: Equatable, Sendable {
        case text(String)
        case number(Int64)
    }

    public struct Field: Equatable, Sendable {
        public let name: StaticName
        public let value: Value
    }

    public let level: Level
    /// What happened, in the past tense, the same words each time so that it can be searched for.
    public let message: StaticName
    public let fields: [Field]

    public init(_ level: Level, _ message: StaticString, _ fields: [Field] = []) {
        self.level = level
        self.message = StaticName(message)
        self.fields = fields
    }
}

extension LogEvent.Field {
    public static func text(_ name: StaticString, _ value: String) -> Self { Self(name: StaticName(name), value: .text(value)) }
    public static func number(_ name: StaticString, _ value: Int64) -> Self {
        Self(name: StaticName(name), value: .number(value))
    }
    public static func number(_ name: StaticString, _ value: Int) -> Self { .number(name, Int64(value)) }
    public static func milliseconds(_ name: StaticString, _ value: Interval) -> Self { .number(name, value.wholeMilliseconds) }
}

/// A literal that can be compared.
public struct StaticName: Equatable, Sendable, CustomStringConvertible {
    public let text: StaticString

    public init(_ text: StaticString) { self.text = text }

    public var description: String { self.text.description }

    public static func == (lhs: Self, rhs: Self) -> Bool { lhs.text.description == rhs.text.description }
}
