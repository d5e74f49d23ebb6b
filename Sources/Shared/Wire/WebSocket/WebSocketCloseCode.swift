/// Why a WebSocket ends (RFC 6455 7.4).
public struct WebSocketCloseCode: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static var normal: Self { Self(rawValue: 1000) }
    /// The server shuts down, or the client leaves.
    public static var goingAway: Self { Self(rawValue: 1001) }
    public static var protocolError: Self { Self(rawValue: 1002) }
    /// A kind of data that is not taken: here binary messages.
    public static var unsupportedData: Self { Self(rawValue: 1003) }
    /// Text that is not UTF-8.
    public static var invalidPayload: Self { Self(rawValue: 1007) }
    /// Such as a credential that has expired.
    public static var policyViolation: Self { Self(rawValue: 1008) }
    public static var messageTooBig: Self { Self(rawValue: 1009) }
    public static var internalError: Self { Self(rawValue: 1011) }
    public static var serviceRestart: Self { Self(rawValue: 1012) }
    public static var tryAgainLater: Self { Self(rawValue: 1013) }

    /// Whether the code may stand in a close frame (RFC 6455 7.4.1, 7.4.2 and the registry of IANA). 1005, 1006 and 1015 only stand
    /// for what happened without one; what is not assigned below 3000 is reserved.
    public var isAllowedInFrame: Bool {
        switch self.rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
