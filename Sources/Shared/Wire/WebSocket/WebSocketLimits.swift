/// What one client may cost on a WebSocket.
public struct WebSocketLimits: Sendable, Equatable {
    /// Bytes of a message, its fragments joined; beyond it 1009. Told from the length that a frame announces, before its payload.
    /// A frame has no limit of its own: many clients send a message as one frame, whatever its size.
    public var messageBytesMax = 4 << 20
    /// Data frames of one message, empty ones included; beyond it 1009. Enough for a message of the greatest size in frames of
    /// 4 KiB.
    public var fragmentsMax = 1_024
    /// Whether binary messages are given to the caller. MCP has none: 1003.
    public var takesBinary = false

    public static let standard = Self()

    public init() {}

    public init(messageBytesMax: Int) {
        self.messageBytesMax = messageBytesMax
    }
}
