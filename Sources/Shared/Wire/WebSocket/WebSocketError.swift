/// What a client did wrong on a WebSocket. Nothing after it can be understood: the server sends a close frame with `closeCode` and
/// closes the connection (RFC 6455 7.1.7).
public enum WebSocketError: Error, Equatable, Hashable, Sendable, CaseIterable {
    // Frame head (RFC 6455 5.2)
    case reservedBits
    case unknownOpcode
    case unmaskedFrame
    case lengthNotMinimal
    case lengthOverflow
    // Control frames (RFC 6455 5.5)
    case fragmentedControl
    case longControl
    case truncatedCloseCode
    case forbiddenCloseCode
    // Fragments (RFC 6455 5.4)
    case continuationOfNothing
    case messageInsideMessage
    case tooManyFragments
    // Contents
    case binaryMessage
    case invalidUTF8
    case messageTooBig

    public var closeCode: WebSocketCloseCode {
        switch self {
        case .reservedBits, .unknownOpcode, .unmaskedFrame, .lengthNotMinimal, .lengthOverflow, .fragmentedControl, .longControl,
            .truncatedCloseCode, .forbiddenCloseCode, .continuationOfNothing, .messageInsideMessage:
            .protocolError
        case .binaryMessage: .unsupportedData
        case .invalidUTF8: .invalidPayload
        case .messageTooBig, .tooManyFragments: .messageTooBig
        }
    }

    /// For the close frame: short enough for it, and without anything that the client sent.
    public var reason: StaticString {
        switch self {
        case .reservedBits: "a reserved bit is set, but no extension was agreed on"
        case .unknownOpcode: "the opcode is reserved"
        case .unmaskedFrame: "a frame of a client is not masked"
        case .lengthNotMinimal: "a length is not written in the shortest form"
        case .lengthOverflow: "a length has its highest bit set"
        case .fragmentedControl: "a control frame is fragmented"
        case .longControl: "a control frame is longer than 125 bytes"
        case .truncatedCloseCode: "a close frame holds half a code"
        case .forbiddenCloseCode: "a close frame holds a code that must not be sent"
        case .continuationOfNothing: "a continuation follows no message"
        case .messageInsideMessage: "a message begins before the last one ended"
        case .tooManyFragments: "a message has too many fragments"
        case .binaryMessage: "binary messages are not taken"
        case .invalidUTF8: "a text is not UTF-8"
        case .messageTooBig: "a message is too big"
        }
    }
}
