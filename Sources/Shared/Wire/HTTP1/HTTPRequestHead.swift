public import Base

/// The head of one request: what framing and routing need, and where the fields lie.
/// All ranges count from the first byte of the span that the decoder was given, and stay right until the caller drops bytes from
/// it.
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

    /// Where the values lie: a lane for each `HTTPFieldName`, the start in its lower half and the length in its upper half. A
    /// head is shorter than 64 KiB, and no value starts at offset 0, so zero means absent. A vector, because reading one element
    /// of an `InlineArray` inside a value copies the whole array first.
    @usableFromInline var places = SIMD32<UInt32>()

    init() {}

    /// The value of the first field line of that name, without surrounding spaces and tabs. May be empty.
    @inlinable
    public subscript(name: HTTPFieldName) -> ByteRange? { Self.range(of: name, in: self.places) }

    @inlinable @inline(__always)
    static func range(of name: HTTPFieldName, in places: SIMD32<UInt32>) -> ByteRange? {
        let place = places[name.rawValue]
        guard place != 0 else { return nil }
        let start = Int(place & 0xFFFF)
        return ByteRange(start, start + Int(place >> 16))
    }

    public var acceptIsAbsent: Bool { self[.accept] == nil }

    /// Writes one lane in memory: through the subscript the whole vector would be loaded and stored.
    @inline(__always)
    mutating func record(_ name: HTTPFieldName, _ value: Range<Int>) {
        let place = UInt32(truncatingIfNeeded: value.lowerBound | value.count << 16)
        unsafe withUnsafeMutableBytes(of: &self.places) {
            unsafe $0.storeBytes(of: place, toByteOffset: name.rawValue &* 4, as: UInt32.self)
        }
    }

    /// Makes the head one of which nothing is known yet. Member by member, to be cheaper than a new value copied over this one.
    mutating func reset() {
        self.query = nil
        self.expectsContinue = false
        self.wantsUpgrade = false
        self.places = SIMD32()
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
