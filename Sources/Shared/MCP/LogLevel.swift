import Base

/// Severity of a log message, least severe first (RFC 5424 names, MCP `logging`).
public enum LogLevel: UInt8, CaseIterable, Comparable, Sendable {
    case debug, info, notice, warning, error, critical, alert, emergency

    /// Reads the exact lower-case name.
    public init?(_ bytes: Span<UInt8>) {
        for level in Self.allCases where bytes.equals(level.text) {  // Bound: eight levels.
            self = level
            return
        }
        return nil
    }

    public var text: StaticString {
        switch self {
        case .debug: "debug"
        case .info: "info"
        case .notice: "notice"
        case .warning: "warning"
        case .error: "error"
        case .critical: "critical"
        case .alert: "alert"
        case .emergency: "emergency"
        }
    }

    public static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }
}
