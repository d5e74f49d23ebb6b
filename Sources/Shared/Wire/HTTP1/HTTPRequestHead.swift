public import Base

/// The head of one request: what framing and routing need, and where the fields lie.
/// All ranges count from the first byte of the span that the decoder was given, and stay right until the caller drops bytes from it.
public struct HTTPRequestHead: Sendable {
    /// How the body is framed (RFC 9112 6.3).
    public enum Body: Equatable, Sendable {
        /// No framing field, or a length of zero.
        case none
        /// `Content-Length`, at least one.
        case length(Int)
        case chunked
    }

    public internal(set) var method = HTTPMethod.get
    /// 0 or 1: HTTP/1.0 or HTTP/1.1.
    public internal(set) var minorVersion = 1
    /// The request target as sent.
    public internal(set) var target = ByteRange(0, 0)
    /// The path, never empty: it starts with `/`, or is `*` for OPTIONS. Neither decoded nor normalised.
    public internal(set) var path = ByteRange(0, 0)
    /// What follows the `?`, possibly empty.
    public internal(set) var query: ByteRange?
    /// What the client accepts as the media type of the answer. Empty when there is no `Accept`; see `acceptIsAbsent`.
    public internal(set) var accepts: HTTPAccepts = []
    /// Whether the connection may carry another request after this one (RFC 9112 9.3).
    public internal(set) var keepAlive = true
    /// The client holds the body back until it reads `100 Continue`. Only set when there is a body.
    public internal(set) var expectsContinue = false
    /// `Connection` names `upgrade` and there is an `Upgrade` field, on HTTP/1.1.
    public internal(set) var wantsUpgrade = false
    public internal(set) var body = Body.none
    /// The field lines with their line ends, without the empty line that ends the head.
    public internal(set) var fields = ByteRange(0, 0)

    /// Where a value lies. A head is shorter than 64 KiB, and no value starts at offset 0, so a start of 0 means absent.
    struct Place: Sendable {
        var start: UInt16 = 0
        var count: UInt16 = 0
    }

    var places: InlineArray<32, Place> = InlineArray(repeating: Place())

    init() {}

    /// The value of the first field line of that name, without surrounding spaces and tabs. May be empty.
    public subscript(name: HTTPFieldName) -> ByteRange? {
        let place = self.places[name.rawValue]
        guard place.start != 0 else { return nil }
        return ByteRange(Int(place.start), Int(place.start) + Int(place.count))
    }

    public var acceptIsAbsent: Bool { self[.accept] == nil }

    mutating func record(_ name: HTTPFieldName, _ value: Range<Int>) {
        self.places[name.rawValue] = Place(
            start: UInt16(truncatingIfNeeded: value.lowerBound), count: UInt16(truncatingIfNeeded: value.count))
    }

    /// Calls `visit` for every field line in order, recognised or not; the value is trimmed. `bytes` is the span of the decoder.
    public func forEachField(in bytes: Span<UInt8>, _ visit: (_ name: ByteRange, _ value: ByteRange) -> Void) {
        var line = self.fields.lowerBound
        while line < self.fields.upperBound {  // Bound: `fieldsMax` lines, `headBytesMax` bytes.
            let end = bytes.first(HTTPByte.carriageReturn, in: line..<self.fields.upperBound)
            let colon = bytes.first(HTTPByte.colon, in: line..<end)
            guard colon < end else { return }
            visit(ByteRange(line, colon), ByteRange(bytes.trimmed(colon + 1..<end)))
            line = end + 2
        }
    }
}
