import Base

/// A dated revision of the Model Context Protocol, oldest first, so that `<` reads as "older than".
public enum Revision: UInt8, CaseIterable, Comparable, Sendable {
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case v2024_11_05
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case v2025_03_26
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case v2025_06_18
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case v2025_11_25
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case v2026_07_28

    /// What a revision expects of the connection. Nothing else about a revision decides how a message is routed.
    public enum Era: Equatable, Sendable {
        /// An `initialize` handshake creates a session (HTTP) or belongs to the process (stdio).
        case legacy
        /// Every request carries its version and capabilities in `params._meta`; there is no session.
        case modern
    }

    /// Reads the exact text of a revision. Revisions are opaque names: nothing is trimmed, folded or compared as a date.
    public init?(_ bytes: Span<UInt8>) {
        guard bytes.count == 10 else { return nil }
        // Bound: five revisions; the newest first, which most requests name.
        for revision in Self.allCases.reversed() where bytes.equals(revision.text) {
            self = revision
            return
        }
        return nil
    }

    public var text: StaticString {
        switch self {
        case .v2024_11_05: "2024-11-05"
        case .v2025_03_26: "2025-03-26"
        case .v2025_06_18: "2025-06-18"
        case .v2025_11_25: "2025-11-25"
        case .v2026_07_28: "2026-07-28"
        }
    }

    public var era: Era {
        switch self {
        case .v2024_11_05, .v2025_03_26, .v2025_06_18, .v2025_11_25: .legacy
        case .v2026_07_28: .modern
        }
    }

    /// What `server/discover` and error -32022 list. Modern revisions only: a client that sees a legacy one there may send a legacy
    /// request inside a modern envelope.
    public static let modern: [Revision] = [.v2026_07_28]
    public static let legacy: [Revision] = [.v2024_11_05, .v2025_03_26, .v2025_06_18, .v2025_11_25]

    public static let latestLegacy = Revision.v2025_11_25
    public static let latestModern = Revision.v2026_07_28

    /// The server's answer to the revision that an `initialize` asks for: the same one when it is a legacy revision we know,
    /// else the latest legacy one. The handshake itself does not exist in the modern era.
    public static func negotiated(asked: Revision?) -> Revision {
        guard let asked, asked.era == .legacy else { return .latestLegacy }
        return asked
    }

    /// Whether one HTTP body may hold several JSON-RPC messages. Only 2025-03-26 (and the stream transport before it) allows that.
    public var allowsBatches: Bool { self == .v2025_03_26 || self == .v2024_11_05 }

    /// Whether the events of a stream may have ids, and a client may resume it after one of them (`Last-Event-ID`).
    public var resumesStreams: Bool { self >= .v2025_03_26 && self.era == .legacy }

    /// Whether a stream begins with an event that has an id and no data. Clients of older revisions take that for a message.
    public var primesStreams: Bool { self >= .v2025_11_25 && self.era == .legacy }

    public static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }
}
