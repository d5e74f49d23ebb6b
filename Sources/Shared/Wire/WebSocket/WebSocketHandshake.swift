import Base

/// Why a request does not become a WebSocket. The connection may go on with HTTP, unless the request has a body that was not read.
public enum WebSocketRefusal: Error, Equatable, Hashable, Sendable, CaseIterable {
    /// Not GET (RFC 6455 4.1).
    case method
    /// No upgrade to `websocket` is asked for, or on HTTP/1.0, where `Upgrade` means nothing (RFC 9110 7.8).
    case notAnUpgrade
    /// `Sec-WebSocket-Version` is not 13 (RFC 6455 4.4).
    case version
    case missingKey
    case malformedKey
    case malformedProtocol
    /// Where a body ends and frames begin would be a question of reading it right.
    case body

    public var status: Int {
        switch self {
        case .method: 405
        case .notAnUpgrade, .version: 426
        case .missingKey, .malformedKey, .malformedProtocol, .body: 400
        }
    }

    /// What was wrong, for the body of the answer. Holds nothing that the client sent.
    public var reason: StaticString {
        switch self {
        case .method: "a WebSocket is opened with GET"
        case .notAnUpgrade: "this is a WebSocket endpoint: Connection: Upgrade and Upgrade: websocket are required, on HTTP/1.1"
        case .version: "Sec-WebSocket-Version must be 13"
        case .missingKey: "Sec-WebSocket-Key is missing"
        case .malformedKey: "Sec-WebSocket-Key is not 16 bytes in base64"
        case .malformedProtocol: "Sec-WebSocket-Protocol is not a list of tokens"
        case .body: "a request for a WebSocket has no body"
        }
    }

    /// What the answer has to say besides.
    public var fields: HTTPFields {
        var fields = HTTPFields()
        switch self {
        case .method: fields.append("Allow", "GET")
        case .notAnUpgrade, .version:
            // An answer with 426 names the protocol (RFC 9110 15.5.22), and `Connection` names the field (7.8).
            fields.append("Upgrade", "websocket")
            fields.append("Connection", "Upgrade")
            fields.append("Sec-WebSocket-Version", "13")
        case .missingKey, .malformedKey, .malformedProtocol, .body: break
        }
        return fields
    }
}

/// The opening handshake of a server (RFC 6455 4.2): judges a request and writes the answer 101.
///
/// Host, Origin and credential are judged before, as for every other request. Bytes that the client sent behind its request,
/// without waiting for the answer, are no frames: RFC 6455 4.1 makes it wait, so the caller closes the connection if there are any.
public struct WebSocketHandshake: Sendable {
    /// The client offered the sub-protocol `mcp`, so the answer chooses it. Other offers are passed over: then no sub-protocol is
    /// chosen, and a client that insists on one closes.
    public let choosesMCP: Bool
    /// The value of `Sec-WebSocket-Accept`.
    private let accept: InlineArray<28, UInt8>

    /// Whether the request asks for a WebSocket at all. On a path that serves other requests too, all others go their own way.
    public static func isRequested(_ head: HTTPRequestHead, in bytes: Span<UInt8>) -> Bool {
        guard head.wantsUpgrade else { return false }
        var isRequested = false
        Self.forEachElement(.upgrade, of: head, in: bytes) { element in
            if element.count == 9, bytes.matchesFolded("websocket", at: element.lowerBound) { isRequested = true }
        }
        return isRequested
    }

    /// `bytes` is the span of the decoder that gave `head`.
    public init(_ head: HTTPRequestHead, in bytes: Span<UInt8>) throws(WebSocketRefusal) {
        guard head.method == .get else { throw .method }
        guard Self.isRequested(head, in: bytes) else { throw .notAnUpgrade }
        guard head.body == .none else { throw .body }
        guard let version = head[.secWebSocketVersion], bytes.extracting(version.range).equals("13") else { throw .version }
        guard let key = head[.secWebSocketKey] else { throw .missingKey }
        guard Self.isKey(bytes, key.range) else { throw .malformedKey }
        var choosesMCP = false
        var areTokens = true
        Self.forEachElement(.secWebSocketProtocol, of: head, in: bytes) { element in
            if !HTTPByte.allTokens(bytes, element) { areTokens = false }
            if element.count == 3, bytes.matches("mcp", at: element.lowerBound) { choosesMCP = true }
        }
        guard areTokens else { throw .malformedProtocol }
        self.choosesMCP = choosesMCP
        self.accept = Self.accept(bytes.extracting(key.range))
    }

    /// Appends the whole answer; frames may follow at once. It carries the fields that every answer carries, though it has no
    /// content that they could protect: a rule without exceptions is easier to check. `date` is an IMF-fixdate or empty.
    public func append(to output: inout [UInt8], date: Span<UInt8>, extra: HTTPFields = HTTPFields(), isTLS: Bool = false) {
        output.append("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ")
        output.append(self.accept.span)
        output.append("\r\n")
        if self.choosesMCP { output.append("Sec-WebSocket-Protocol: mcp\r\n") }
        let bytesMax = HTTPResponseHead.ownBytesMax + date.count + extra.bytes.count
        output.append(addingCapacity: bytesMax) {
            HTTPResponseHead.appendDate(date, to: &$0)
            HTTPResponseHead.appendEnd(extra: extra, isTLS: isTLS, to: &$0)
        }
    }

    /// RFC 6455 4.2.2, point 5.4: base64 of the SHA-1 of the key and a fixed text.
    static func accept(_ key: Span<UInt8>) -> InlineArray<28, UInt8> {
        var text = [UInt8](key)
        text.append("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
        let digest = SHA1.digest(text.span)
        var accept = InlineArray<28, UInt8>(repeating: 0x3D)
        for index in 0..<27 {
            // Six bits from bit `6 * index` on, zeros behind the end. The last of the 28 places stays padding.
            let bit = index * 6
            let next = bit / 8 + 1 < SHA1.digestBytes ? UInt16(digest[bit / 8 + 1]) : 0
            let pair = UInt16(digest[bit / 8]) << 8 | next
            accept[index] = Self.base64Digit(UInt8(truncatingIfNeeded: pair >> UInt16(10 - bit % 8)) & 0x3F)
        }
        return accept
    }

    private static func base64Digit(_ value: UInt8) -> UInt8 {
        switch value {
        case ..<26: 0x41 + value
        case ..<52: 0x61 + value - 26
        case ..<62: 0x30 + value - 52
        case 62: 0x2B
        default: 0x2F
        }
    }

    /// Whether the text is base64 of 16 bytes: 22 digits, of which the last one carries two bits, and two of padding.
    private static func isKey(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard range.count == 24 else { return false }
        for offset in 0..<22 {
            switch bytes[range.lowerBound + offset] {
            case 0x41...0x5A, 0x61...0x7A, 0x30...0x39, 0x2B, 0x2F: continue
            default: return false
            }
        }
        switch bytes[range.lowerBound + 21] {
        case 0x41, 0x51, 0x67, 0x77: return bytes.matches("==", at: range.lowerBound + 22)  // A, Q, g, w
        default: return false
        }
    }

    /// Calls `visit` for each element of a list field, over all its lines (RFC 9110 5.3). Empty elements are passed over (5.6.1).
    private static func forEachElement(
        _ name: HTTPFieldName, of head: HTTPRequestHead, in bytes: Span<UInt8>, _ visit: (Range<Int>) -> Void
    ) {
        guard head[name] != nil else { return }
        head.forEachField(in: bytes) { field, value in
            guard HTTPFieldName.recognise(bytes, field.range) == name else { return }
            var position = value.lowerBound
            while position < value.upperBound {  // Bound: the length of one field.
                let end = bytes.first(0x2C, in: position..<value.upperBound)
                let element = bytes.trimmed(position..<end)
                if !element.isEmpty { visit(element) }
                position = end + 1
            }
        }
    }
}
