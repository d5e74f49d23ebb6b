import Base

/// The server side of a WebSocket after the handshake (RFC 6455 5), without I/O.
///
///     head ──▶ payload ──▶ head …          a frame of a message, or a control frame between two of them
///     payload ──close frame──▶ closed      whatever follows is dropped
///     any of them ──▶ failed
///
///     var position = 0
///     loop: while true {
///         switch try decoder.next(in: bytes, from: &position) {
///         case .needMore: break loop
///         case .message: ... decoder.message ...
///         case .ping: ... WebSocketFrame.appendPong(decoder.control.span, to: &output)
///         case .pong: ...
///         case .close(let code): ... WebSocketFrame.appendCloseAnswer(code, to: &output)
///         }
///     }
///
/// Every step takes bytes from `position` on; at `.needMore` none are left, and the caller keeps none. How the stream was cut into
/// feeds changes nothing. Each byte is looked at a fixed number of times, so a message that comes byte by byte takes linear time.
///
/// Payloads are copied once, because they have to be unmasked anyway, into a buffer that is used again. It grows with what has
/// come, not with what a frame announces. No extension is offered, so every reserved bit is an error; see ADR 46.
public struct WebSocketDecoder: Sendable {
    public enum Step: Equatable, Sendable {
        /// The bytes are used up.
        case needMore
        /// In `message` until the next call.
        case message(Kind)
        /// To be answered with a pong that carries `control`, which holds until the next call.
        case ping
        /// Its payload is in `control` until the next call.
        case pong
        /// To be answered with a close frame, if none was sent yet, and the end of the connection. The reason is in `control`, UTF-8,
        /// for good.
        case close(WebSocketCloseCode?)
    }

    public enum Kind: Equatable, Sendable {
        /// Well-formed UTF-8.
        case text
        /// Only if the limits say that it is taken.
        case binary
    }

    private enum Phase: Equatable, Sendable {
        case head
        case payload
        case closed
        case failed(WebSocketError)
    }

    /// The longest head: two bytes, eight of length, four of mask.
    private static let headBytesMax = 14
    /// Memory that a message may leave behind for the next one.
    private static let keptBytesMax = 16_384

    private let limits: WebSocketLimits
    private var phase = Phase.head
    private var head = InlineArray<14, UInt8>(repeating: 0)
    private var headCount = 0
    /// Grows as the head says that more of it follows.
    private var headNeeded = 2
    private var opcode = WebSocketFrame.Opcode.continuation
    private var isFinal = false
    /// Bytes of the payload that have not come yet.
    private var missing = 0
    /// The mask as a little-endian word, its first byte the one for the next byte of payload.
    private var mask: UInt32 = 0
    /// The message whose fragments are being collected.
    private var current: Kind?
    private var fragments = 0
    private var text = UTF8Progress()
    /// `message` was given to the caller.
    private var isDelivered = false

    /// The message after `.message`, otherwise what came of the current one.
    public private(set) var message: [UInt8] = []
    /// The payload after `.ping` and `.pong`, the reason after `.close`. At most 125 bytes.
    public private(set) var control: [UInt8] = []

    public init(limits: WebSocketLimits = .standard) { self.limits = limits }

    /// Whether a message or a frame has begun and not ended: at the end of the stream, something was torn.
    public var isInsideMessage: Bool {
        switch self.phase {
        case .head: self.headCount > 0 || self.current != nil
        case .payload: true
        case .closed, .failed: false
        }
    }

    /// The next step in `bytes`, from `position` on, which moves past what it took. An error is final: every later call repeats it.
    public mutating func next(in bytes: Span<UInt8>, from position: inout Int) throws(WebSocketError) -> Step {
        do throws(WebSocketError) {
            self.release()
            // Bound: each turn returns, or completes a head out of six bytes or more, or the payload behind one.
            while true {
                switch self.phase {
                case .head:
                    guard try self.takeHead(bytes, &position) else { return .needMore }
                    self.phase = .payload
                case .payload:
                    try self.takePayload(bytes, &position)
                    guard self.missing == 0 else { return .needMore }
                    self.phase = .head
                    self.headCount = 0
                    self.headNeeded = 2
                    if let step = try self.finishFrame() { return step }
                case .closed:
                    position = bytes.count  // RFC 6455 1.4: data after a close frame means nothing.
                    return .needMore
                case .failed(let error):
                    throw error
                }
            }
        } catch {
            self.phase = .failed(error)
            self.message = []
            self.control = []
            throw error
        }
    }

    /// Clears what the last step gave.
    private mutating func release() {
        if self.isDelivered {
            self.isDelivered = false
            self.message.removeAll(keepingCapacity: self.message.capacity <= Self.keptBytesMax)
        }
        if !self.control.isEmpty, self.phase == .head, self.headCount == 0 { self.control.removeAll(keepingCapacity: true) }
    }

    // MARK: Head

    /// Takes bytes of a head. True once it is complete. Each rule is checked with the byte that can break it.
    private mutating func takeHead(_ bytes: Span<UInt8>, _ position: inout Int) throws(WebSocketError) -> Bool {
        while position < bytes.count {  // Bound: 14 bytes.
            self.head[self.headCount] = bytes[position]
            position += 1
            self.headCount += 1
            switch self.headCount {
            case 1: try self.beginFrame(self.head[0])
            case 2: try self.beginLength(self.head[1])
            case self.headNeeded - 4: try self.checkLength()
            case self.headNeeded:
                self.mask = 0
                for index in 0..<4 { self.mask |= UInt32(self.head[self.headNeeded - 4 + index]) << UInt32(index * 8) }
                return true
            default: break
            }
        }
        return false
    }

    private mutating func beginFrame(_ byte: UInt8) throws(WebSocketError) {
        guard byte & 0x70 == 0 else { throw .reservedBits }
        guard let opcode = WebSocketFrame.Opcode(rawValue: byte & 0x0F) else { throw .unknownOpcode }
        self.opcode = opcode
        self.isFinal = byte & WebSocketFrame.finalBit != 0
        switch opcode {
        case .close, .ping, .pong:
            guard self.isFinal else { throw .fragmentedControl }
            return
        case .continuation:
            guard self.current != nil else { throw .continuationOfNothing }
        case .text, .binary:
            guard self.current == nil else { throw .messageInsideMessage }
            guard opcode == .text || self.limits.takesBinary else { throw .binaryMessage }
            self.current = opcode == .text ? .text : .binary
            self.fragments = 0
            self.text = UTF8Progress()
        }
        guard self.fragments < self.limits.fragmentsMax else { throw .tooManyFragments }
        self.fragments += 1
    }

    private mutating func beginLength(_ byte: UInt8) throws(WebSocketError) {
        guard byte & 0x80 != 0 else { throw .unmaskedFrame }
        let length = Int(byte & 0x7F)
        guard length <= WebSocketFrame.controlBytesMax || !self.opcode.isControl else { throw .longControl }
        switch length {
        case 126: self.headNeeded = 8
        case 127: self.headNeeded = 14
        default:
            self.headNeeded = 6
            try self.setLength(UInt64(length))
        }
    }

    /// The extended length is there (RFC 6455 5.2: the shortest form must be used, the highest bit must be zero).
    private mutating func checkLength() throws(WebSocketError) {
        var length: UInt64 = 0
        for index in 2..<self.headNeeded - 4 { length = length << 8 | UInt64(self.head[index]) }
        guard length >> 63 == 0 else { throw .lengthOverflow }
        guard length > (self.headNeeded == Self.headBytesMax ? 0xFFFF : 125) else { throw .lengthNotMinimal }
        try self.setLength(length)
    }

    private mutating func setLength(_ length: UInt64) throws(WebSocketError) {
        if !self.opcode.isControl {
            let room = self.limits.messageBytesMax - self.message.count
            guard length <= UInt64(Swift.max(room, 0)) else { throw .messageTooBig }
        }
        self.missing = Int(length)
    }

    // MARK: Payload

    /// Takes what there is of the payload. Text is checked at once, so that a wrong byte is told when it comes.
    private mutating func takePayload(_ bytes: Span<UInt8>, _ position: inout Int) throws(WebSocketError) {
        let count = Swift.min(self.missing, bytes.count - position)
        guard count > 0 else { return }
        let part = bytes.extracting(position..<position + count)
        if self.opcode.isControl {
            self.control.append(part)
            self.mask = self.control.unmask(last: count, with: self.mask)
        } else {
            let start = self.message.count
            self.message.append(part)
            self.mask = self.message.unmask(last: count, with: self.mask)
            if self.current == .text {
                var text = self.text
                guard text.pass(self.message.span, start..<start + count) else { throw .invalidUTF8 }
                self.text = text
            }
        }
        position += count
        self.missing -= count
    }

    /// What a complete frame means, or nil for a fragment that others follow.
    private mutating func finishFrame() throws(WebSocketError) -> Step? {
        switch self.opcode {
        case .ping: return .ping
        case .pong: return .pong
        case .close:
            let code = try self.closeCode()
            self.phase = .closed
            self.message = []
            return .close(code)
        case .continuation, .text, .binary:
            guard self.isFinal, let kind = self.current else { return nil }
            guard self.text.isComplete else { throw .invalidUTF8 }
            self.current = nil
            self.isDelivered = true
            return .message(kind)
        }
    }

    /// Takes the code out of `control` (RFC 6455 5.5.1) and leaves the reason.
    private mutating func closeCode() throws(WebSocketError) -> WebSocketCloseCode? {
        guard !self.control.isEmpty else { return nil }
        guard self.control.count > 1 else { throw .truncatedCloseCode }
        let code = WebSocketCloseCode(rawValue: UInt16(self.control[0]) << 8 | UInt16(self.control[1]))
        guard code.isAllowedInFrame else { throw .forbiddenCloseCode }
        self.control.removeFirst(2)
        var reason = UTF8Progress()
        guard reason.pass(self.control.span, 0..<self.control.count), reason.isComplete else { throw .invalidUTF8 }
        return code
    }
}

extension [UInt8] {
    /// Unmasks the last `count` bytes (RFC 6455 5.3), eight at a time. `mask` is a little-endian word whose first byte is for the
    /// first of them; the result is the mask for what follows.
    mutating func unmask(last count: Int, with mask: UInt32) -> UInt32 {
        precondition(count <= self.count)
        let start = self.count - count
        let wide = UInt64(mask) << 32 | UInt64(mask)
        unsafe self.withUnsafeMutableBytes { buffer in
            var index = start
            while buffer.count &- index >= 8 {
                let word = UInt64(littleEndian: unsafe buffer.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                unsafe buffer.storeBytes(of: (word ^ wide).littleEndian, toByteOffset: index, as: UInt64.self)
                index &+= 8
            }
            var rest = wide
            while index < buffer.count {
                unsafe buffer[index] ^= UInt8(truncatingIfNeeded: rest)
                rest >>= 8
                index &+= 1
            }
        }
        let turn = UInt32(truncatingIfNeeded: count & 3) &* 8
        return turn == 0 ? mask : mask >> turn | mask << (32 - turn)
    }
}
