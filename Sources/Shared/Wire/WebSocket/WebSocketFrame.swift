import Base

/// Writes the frames of a server (RFC 6455 5.2): never masked (5.1), never fragmented, lengths in the shortest form.
public enum WebSocketFrame {
    /// Bytes that a control frame may carry (RFC 6455 5.5).
    public static let controlBytesMax = 125

    /// Where a text message was begun.
    public struct Mark: Sendable {
        let start: Int
    }

    enum Opcode: UInt8 {
        case continuation = 0x0
        case text = 0x1
        case binary = 0x2
        case close = 0x8
        case ping = 0x9
        case pong = 0xA

        var isControl: Bool { self.rawValue & 0x8 != 0 }
    }

    /// The final fragment.
    static let finalBit: UInt8 = 0x80
    /// A length of this says that two bytes of length follow, one more that eight do.
    private static let wideLength: UInt8 = 126

    /// Appends a whole text message. The caller answers for its being UTF-8.
    public static func appendText(_ text: Span<UInt8>, to output: inout [UInt8]) {
        Self.appendHead(.text, length: text.count, to: &output)
        output.append(text)
    }

    /// Begins a text message that is written straight into `output`; `end` sets its length. Nothing before the mark may be removed
    /// meanwhile.
    public static func begin(into output: inout [UInt8]) -> Mark {
        let mark = Mark(start: output.count)
        Self.appendHead(.text, length: Int(Self.wideLength), to: &output)
        return mark
    }

    /// Ends the message begun at `mark`. Room was left for a length of two bytes; texts below 126 bytes and from 64 KiB on are moved.
    public static func end(_ mark: Mark, into output: inout [UInt8]) {
        let length = output.count - mark.start - 4
        precondition(length >= 0, "the message was not begun here")
        switch length {
        case ..<Int(Self.wideLength):
            output[mark.start + 1] = UInt8(length)
            output.removeSubrange(mark.start + 2..<mark.start + 4)
        case ..<65_536:
            output[mark.start + 2] = UInt8(truncatingIfNeeded: length >> 8)
            output[mark.start + 3] = UInt8(truncatingIfNeeded: length)
        default:
            var head: [UInt8] = []
            Self.appendHead(.text, length: length, to: &head)
            output.replaceSubrange(mark.start..<mark.start + 4, with: head)
        }
    }

    /// Appends a ping. At most 125 bytes.
    public static func appendPing(_ payload: Span<UInt8>, to output: inout [UInt8]) {
        Self.appendControl(.ping, payload, to: &output)
    }

    /// Appends the answer to a ping, which carries the ping's payload (RFC 6455 5.5.3). At most 125 bytes.
    public static func appendPong(_ payload: Span<UInt8>, to output: inout [UInt8]) {
        Self.appendControl(.pong, payload, to: &output)
    }

    /// Appends a close frame. `reason` is UTF-8; what does not fit is cut off between two characters.
    public static func appendClose(_ code: WebSocketCloseCode, reason: Span<UInt8>, to output: inout [UInt8]) {
        precondition(code.isAllowedInFrame, "a close code that must not be sent")
        var end = Swift.min(reason.count, Self.controlBytesMax - 2)
        if end < reason.count {
            while end > 0, reason[end] & 0xC0 == 0x80 { end -= 1 }  // Bound: 123 bytes.
        }
        Self.appendHead(.close, length: end + 2, to: &output)
        output.append(UInt8(truncatingIfNeeded: code.rawValue >> 8))
        output.append(UInt8(truncatingIfNeeded: code.rawValue))
        output.append(reason.extracting(0..<end))
    }

    /// Appends a close frame with a reason of ours.
    public static func appendClose(_ code: WebSocketCloseCode, reason: StaticString = "", to output: inout [UInt8]) {
        Self.appendClose(code, reason: [UInt8](reason).span, to: &output)
    }

    /// Appends the close frame for what a client did wrong.
    public static func appendClose(_ error: WebSocketError, to output: inout [UInt8]) {
        Self.appendClose(error.closeCode, reason: error.reason, to: &output)
    }

    /// Appends the answer to a close frame: its code comes back, or none if it had none (RFC 6455 5.5.1).
    public static func appendCloseAnswer(_ code: WebSocketCloseCode?, to output: inout [UInt8]) {
        guard let code else { return Self.appendHead(.close, length: 0, to: &output) }
        Self.appendClose(code, to: &output)
    }

    private static func appendControl(_ opcode: Opcode, _ payload: Span<UInt8>, to output: inout [UInt8]) {
        precondition(payload.count <= Self.controlBytesMax, "a control frame carries at most 125 bytes")
        Self.appendHead(opcode, length: payload.count, to: &output)
        output.append(payload)
    }

    private static func appendHead(_ opcode: Opcode, length: Int, to output: inout [UInt8]) {
        output.append(Self.finalBit | opcode.rawValue)
        switch length {
        case ..<Int(Self.wideLength):
            output.append(UInt8(length))
        case ..<65_536:
            output.append(Self.wideLength)
            output.append(UInt8(truncatingIfNeeded: length >> 8))
            output.append(UInt8(truncatingIfNeeded: length))
        default:
            output.append(Self.wideLength + 1)
            for shift in stride(from: 56, through: 0, by: -8) {
                output.append(UInt8(truncatingIfNeeded: UInt64(length) >> UInt64(shift)))
            }
        }
    }
}
