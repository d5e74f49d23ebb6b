/// What one request may cost before it is refused. Sizes are in bytes and leave out the CRLF of the line they bound.
public struct HTTPLimits: Sendable, Equatable {
    /// The request line; beyond it 414.
    public var requestLineBytesMax = 4_096
    /// One field line, name and value; beyond it 431.
    public var fieldBytesMax = 8_192
    /// Request line, all fields and every CRLF up to the empty line; beyond it 431.
    public var headBytesMax = 16_384
    /// Field lines of the head; beyond it 431.
    public var fieldsMax = 100
    /// The body after its chunks are joined; beyond it 413. The decoder never lets it exceed `bodyBytesCeiling`.
    public var bodyBytesMax = 4 << 20
    /// All chunk extensions of one request together; beyond it 400.
    public var chunkExtensionBytesMax = 256
    /// The trailer section with its CRLFs; beyond it 431.
    public var trailerBytesMax = 1_024
    /// Size lines and CRLFs of a chunked body may take as many bytes as a body, and always this many; beyond it 413.
    /// Keeps a stream of one-byte chunks from holding six times the memory that `bodyBytesMax` promises.
    public var chunkFramingBytesMin = 65_536

    /// Offsets are 32-bit, and the framing of a body may be as long as the body.
    public static let bodyBytesCeiling = 512 << 20

    public static let standard = Self()

    public init() {}

    public init(bodyBytesMax: Int) {
        self.bodyBytesMax = bodyBytesMax
    }

    /// The longest run of bytes that a caller of `HTTPRequestDecoder` has to keep for one unfinished request.
    public var requestBytesMax: Int {
        let limits = self.bounded
        let framing = Swift.max(limits.bodyBytesMax, limits.chunkFramingBytesMin)
        return 2 + limits.headBytesMax + limits.bodyBytesMax + framing + limits.chunkExtensionBytesMax + limits.trailerBytesMax
    }

    /// The same limits with those pulled in that would overflow an offset.
    var bounded: Self {
        var limits = self
        limits.bodyBytesMax = Swift.min(Swift.max(self.bodyBytesMax, 0), Self.bodyBytesCeiling)
        // `HTTPRequestHead.places` holds 16-bit offsets.
        limits.headBytesMax = Swift.min(self.headBytesMax, 65_000)
        return limits
    }
}
