public import Base

/// The server side of HTTP/1.1 and HTTP/1.0 on one connection (RFC 9112), without I/O and without copies.
///
///     start ──▶ requestLine ──▶ fields ──head──▶ bodyLength ──────────────────────────▶ complete ──▶ start …
///                                          ├──▶ chunkSize ⇄ chunkData … trailer ─────────▶│
///                                          └──▶ bodyNone ────────────────────────────────▶│
///     any of them ──▶ refused
///
/// The caller keeps the bytes that it received and has not yet dropped in one contiguous run and passes all of them each time,
/// also while a request is incomplete: the head stays in front of its body, and ranges of both refer to the same span.
/// The decoder remembers how far it looked, so feeding a request byte by byte takes linear time.
///
/// Where two readers could disagree on the framing it refuses: no lenient line ends, no repaired lengths, no joined duplicates.
public struct HTTPRequestDecoder: Sendable {
    public enum Step: Sendable {
        /// The request in progress continues beyond the bytes given.
        case needMore
        /// Once for each request, before its body is looked at. The caller may answer at once and close; to go on it calls
        /// `decode` again. With `headRefusal` set that call throws: what a caller checks first comes first.
        case head(HTTPRequestHead)
        /// The request is complete. The caller drops `consumed` bytes; what follows belongs to the next request.
        case request(body: Body, consumed: Int)
    }

    public enum Body: Equatable, Sendable {
        case none
        /// The body as it lies in the span. A body of one chunk comes so too.
        case inline(ByteRange)
        /// The body was joined from several chunks into `chunkedBody`.
        case chunked
    }

    enum Phase: Equatable, Sendable {
        /// Before the first byte of a request, or after the one empty line that may precede it.
        case start
        case requestLine
        case fields
        case bodyNone
        case bodyLength(Int)
        case chunkSize
        /// `data` is where the bytes of the chunk lie, or will lie.
        case chunkData(Range<Int>)
        case trailer
        case complete
        case refused(HTTPRefusal)
    }

    let limits: HTTPLimits
    var phase = Phase.start
    /// Where the line in progress starts.
    var lineStart = 0
    /// No line end lies before this offset.
    var scanned = 0
    /// The bytes of the line in progress OR-ed together, and a high bit if there was a tab: zero high bits mean visible ASCII and
    /// spaces.
    var seen: UInt64 = 0
    /// The head in progress, complete once its step was given.
    var current = HTTPRequestHead()
    var isHeadComplete = false
    /// Where the request line starts: 0, or 2 after an empty line.
    var headStart = 0
    var fieldsStart = 0
    var headEnd = 0
    var fieldCount = 0
    /// One bit for each `HTTPFieldName` that occurred.
    var recognised: UInt32 = 0
    var authority: Range<Int>?
    var acceptList = HTTPAcceptList()
    var connection = HTTPConnectionOptions()
    var chunks = HTTPChunkProgress()
    /// Why the request is refused although its head is well formed. The next call of `decode` throws it.
    public internal(set) var headRefusal: HTTPRefusal?
    /// Routing fields of the head that cannot be believed: repeated, or with bytes that are not ASCII. Whose body says what such a
    /// field should have said is refused for the difference, with an answer that carries its id.
    public internal(set) var misread: HTTPFieldNames = []

    /// The joined body after a step `.request(body: .chunked, …)`, until the next call of `decode`. Its memory is used again,
    /// unless it is larger than `chunkedBodyKeptMax`.
    public internal(set) var chunkedBody: [UInt8] = []

    /// Bytes of memory for joined bodies that an idle decoder keeps.
    public static let chunkedBodyKeptMax = 16_384

    public init(limits: HTTPLimits = .standard) {
        self.limits = limits.bounded
    }

    /// The head of the request in progress, from its `.head` step until the call of `decode` after its `.request` step.
    public var head: HTTPRequestHead? { self.isHeadComplete ? self.current : nil }

    /// Whether no byte of a next request was seen yet. True also for the empty line that may precede one.
    public var isBetweenRequests: Bool { self.phase == .start || self.phase == .complete }

    /// Takes the next step in `bytes`, which starts at the first byte not yet consumed. A refusal is final: every later call
    /// repeats it.
    public mutating func decode(_ bytes: Span<UInt8>) throws(HTTPRefusal) -> Step {
        do throws(HTTPRefusal) {
            while true {  // Bound: every turn returns or moves to a later phase, except chunks, each of which takes up bytes.
                switch self.phase {
                case .complete:
                    self.reset()
                case .start:
                    guard try self.skipEmptyLine(bytes) else { return .needMore }
                    self.phase = .requestLine
                case .requestLine:
                    guard let end = try self.requestLineEnd(bytes) else { return .needMore }
                    try self.parseRequestLine(bytes, self.lineStart..<end)
                    self.beginLine(after: end)
                    self.fieldsStart = self.lineStart
                    self.phase = .fields
                case .fields:
                    guard try self.parseFields(bytes) else { return .needMore }
                    return .head(self.current)
                case .bodyNone:
                    self.phase = .complete
                    return .request(body: .none, consumed: self.headEnd)
                case .bodyLength(let length):
                    guard bytes.count - self.headEnd >= length else { return .needMore }
                    self.phase = .complete
                    let body = ByteRange(self.headEnd, self.headEnd + length)
                    return .request(body: .inline(body), consumed: body.upperBound)
                case .chunkSize:
                    guard try self.parseChunkSize(bytes) else { return .needMore }
                case .chunkData(let data):
                    guard try self.finishChunk(bytes, data) else { return .needMore }
                case .trailer:
                    guard try self.parseTrailer(bytes) else { return .needMore }
                    self.phase = .complete
                    return .request(body: self.chunks.body, consumed: self.lineStart)
                case .refused(let refusal):
                    throw refusal
                }
            }
        } catch {
            self.phase = .refused(error)
            self.isHeadComplete = false
            throw error
        }
    }

    private mutating func reset() {
        self.phase = .start
        self.lineStart = 0
        self.scanned = 0
        self.seen = 0
        self.current.reset()
        self.isHeadComplete = false
        self.headStart = 0
        self.headEnd = 0
        self.fieldCount = 0
        self.recognised = 0
        self.authority = nil
        self.acceptList = HTTPAcceptList()
        self.connection = HTTPConnectionOptions()
        self.chunks = HTTPChunkProgress()
        self.headRefusal = nil
        self.misread = []
        if self.chunkedBody.capacity > Self.chunkedBodyKeptMax {
            self.chunkedBody = []
        } else {
            self.chunkedBody.removeAll(keepingCapacity: true)
        }
    }

    /// Passes over one empty line before the request line (RFC 9112 2.2). False if more bytes are needed to tell.
    private mutating func skipEmptyLine(_ bytes: Span<UInt8>) throws(HTTPRefusal) -> Bool {
        guard bytes.count > 0 else { return false }
        guard bytes[0] == HTTPByte.carriageReturn else { return true }
        guard bytes.count > 1 else { return false }
        guard bytes[1] == HTTPByte.lineFeed else { throw .bareCarriageReturn }
        self.beginLine(after: 0)
        self.headStart = self.lineStart
        return bytes.count > 2
    }

    // MARK: Lines

    mutating func beginLine(after end: Int) {
        self.lineStart = end + 2
        self.scanned = self.lineStart
        self.seen = 0
    }

    /// The offset of the CRLF that ends the line in progress, or nil if it lies beyond the bytes given. A control byte is refused
    /// where it stands, so a bare LF never waits for the rest of the head. The CR must not lie after `limit`.
    mutating func lineEnd(
        _ bytes: Span<UInt8>, notAfter limit: Int, else tooLong: HTTPRefusal
    ) throws(HTTPRefusal) -> Int? {
        let end = Swift.min(bytes.count, limit + 1)
        var index = self.scanned
        while true {  // Bound: `limit`.
            index = HTTPByte.firstControl(bytes, from: index, to: end, seen: &self.seen)
            guard index < end else {
                guard end <= limit else { throw tooLong }
                self.scanned = end
                return nil
            }
            switch bytes[index] {
            case HTTPByte.tab:
                self.seen |= HTTPByte.highBits
                index += 1
            case HTTPByte.carriageReturn:
                guard index + 1 < bytes.count else {
                    self.scanned = index
                    return nil
                }
                guard bytes[index + 1] == HTTPByte.lineFeed else { throw .bareCarriageReturn }
                return index
            case HTTPByte.lineFeed: throw .bareLineFeed
            default: throw .controlByte
            }
        }
    }
}
