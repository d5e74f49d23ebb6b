import Wire

/// A plain reading of RFC 6455 5: over the whole stream at once, byte by byte, with UTF-8 decided by the standard library.
struct Reading {
    private(set) var events: [Event] = []
    private let stream: [UInt8]
    private let limits: WebSocketLimits
    private var position = 0
    private var kind: WebSocketDecoder.Kind?
    private var message: [UInt8] = []
    private var fragments = 0

    init(_ stream: [UInt8], _ limits: WebSocketLimits) {
        self.stream = stream
        self.limits = limits
        do throws(WebSocketError) {
            while try self.frame() {}
        } catch {
            self.events.append(.failed(error))
        }
    }

    private mutating func take() -> UInt8? {
        guard self.position < self.stream.count else { return nil }
        self.position += 1
        return self.stream[self.position - 1]
    }

    private mutating func number(_ count: Int) -> UInt64? {
        var value: UInt64 = 0
        for _ in 0..<count {
            guard let byte = self.take() else { return nil }
            value = value << 8 | UInt64(byte)
        }
        return value
    }

    /// Reads one frame. False at the end of the stream and after a close frame.
    private mutating func frame() throws(WebSocketError) -> Bool {
        guard let first = self.take() else { return false }
        let opcode = first & 0x0F
        let isFinal = first >= 0x80
        try self.checkFirst(first, opcode, isFinal)
        guard let second = self.take() else { return false }
        if second < 0x80 { throw .unmaskedFrame }
        var length = UInt64(second - 0x80)
        if length > 125 {
            if opcode >= 8 { throw .longControl }
            let isLong = length == 127
            guard let wide = self.number(isLong ? 8 : 2) else { return false }
            length = wide
            if length > UInt64(Int64.max) { throw .lengthOverflow }
            if length < (isLong ? 65_536 : 126) { throw .lengthNotMinimal }
        }
        if opcode < 8, length > UInt64(self.limits.messageBytesMax - self.message.count) { throw .messageTooBig }
        var mask: [UInt8] = []
        for _ in 0..<4 {
            guard let byte = self.take() else { return false }
            mask.append(byte)
        }
        var payload: [UInt8] = []
        while payload.count < length {
            guard let byte = self.take() else {
                if opcode < 8, self.kind == .text { try self.checkText(self.message + payload, isWhole: false) }
                return false
            }
            payload.append(byte ^ mask[payload.count % 4])
        }
        return try self.finish(opcode, isFinal, payload)
    }

    private mutating func checkFirst(_ first: UInt8, _ opcode: UInt8, _ isFinal: Bool) throws(WebSocketError) {
        if first & 0x70 != 0 { throw .reservedBits }
        guard [0, 1, 2, 8, 9, 10].contains(opcode) else { throw .unknownOpcode }
        if opcode >= 8 {
            if !isFinal { throw .fragmentedControl }
            return
        }
        if opcode == 0 {
            if self.kind == nil { throw .continuationOfNothing }
        } else {
            if self.kind != nil { throw .messageInsideMessage }
            if opcode == 2, !self.limits.takesBinary { throw .binaryMessage }
            self.kind = opcode == 1 ? .text : .binary
            self.fragments = 0
            self.message = []
        }
        self.fragments += 1
        if self.fragments > self.limits.fragmentsMax { throw .tooManyFragments }
    }

    private mutating func finish(_ opcode: UInt8, _ isFinal: Bool, _ payload: [UInt8]) throws(WebSocketError) -> Bool {
        switch opcode {
        case 8:
            if payload.isEmpty {
                self.events.append(.close(nil, []))
                return false
            }
            if payload.count == 1 { throw .truncatedCloseCode }
            let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
            let isRegistered = code >= 1000 && code <= 1014 && ![1004, 1005, 1006].contains(code)
            guard isRegistered || code >= 3000 && code <= 4999 else { throw .forbiddenCloseCode }
            let reason = Array(payload.dropFirst(2))
            try self.checkText(reason, isWhole: true)
            self.events.append(.close(code, reason))
            return false
        case 9: self.events.append(.ping(payload))
        case 10: self.events.append(.pong(payload))
        default:
            self.message += payload
            if self.kind == .text { try self.checkText(self.message, isWhole: isFinal) }
            if isFinal, let kind = self.kind {
                self.events.append(.message(kind, self.message))
                self.kind = nil
                self.message = []
            }
        }
        return true
    }

    /// A text that goes on must be UTF-8 with some ending.
    private func checkText(_ text: [UInt8], isWhole: Bool) throws(WebSocketError) {
        let tails: [[UInt8]] = [
            [], [0x80], [0x80, 0x80], [0x80, 0x80, 0x80], [0xA0, 0x80], [0x90, 0x80, 0x80],
        ]
        for tail in isWhole ? tails.prefix(1) : tails[...] where String(validating: text + tail, as: UTF8.self) != nil { return }
        throw .invalidUTF8
    }
}
