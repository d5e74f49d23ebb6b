import Base

/// What is known of a chunked body so far.
struct HTTPChunkProgress: Sendable {
    /// Bytes of all chunks announced so far.
    var bodyBytes = 0
    /// Bytes of size lines and line ends so far.
    var framingBytes = 0
    /// Bytes of all extensions so far.
    var extensionBytes = 0
    /// The only chunk so far; nil before the first and after the second, when the bytes are in `chunkedBody`.
    var only: ByteRange?
    var isJoined = false
    /// Where the trailer section starts.
    var trailerStart = 0

    var body: HTTPRequestDecoder.Body {
        if self.isJoined { return .chunked }
        return self.only.map { .inline($0) } ?? .none
    }
}

/// The chunked coding (RFC 9112 7.1).
extension HTTPRequestDecoder {
    /// The digits of a size that is read: more could only be zeros, or overflow.
    private static var sizeDigitsMax: Int { 16 }

    /// `chunk-size [ chunk-ext ] CRLF`. False if more bytes are needed.
    mutating func parseChunkSize(_ bytes: Span<UInt8>) throws(HTTPRefusal) -> Bool {
        let limit = self.lineStart + Self.sizeDigitsMax + self.limits.chunkExtensionBytesMax
        guard let end = try self.lineEnd(bytes, notAfter: limit, else: .chunkExtensionTooLong) else { return false }
        var index = self.lineStart
        var size: UInt64 = 0
        while index < end, let digit = ASCII.hexValue(bytes[index]) {
            guard index - self.lineStart < Self.sizeDigitsMax else { throw .malformedChunkSize }
            size = size << 4 | UInt64(digit)
            index += 1
        }
        guard index > self.lineStart else { throw .malformedChunkSize }
        if index < end {
            guard bytes[index] == 0x3B else { throw .malformedChunkSize }
            self.chunks.extensionBytes += end - index
            guard self.chunks.extensionBytes <= self.limits.chunkExtensionBytesMax else { throw .chunkExtensionTooLong }
            guard HTTPChunkExtension.isValid(bytes, index..<end) else { throw .malformedChunkExtension }
        }
        guard size <= UInt64(self.limits.bodyBytesMax - self.chunks.bodyBytes) else { throw .bodyTooLarge }
        self.chunks.bodyBytes += Int(size)
        self.chunks.framingBytes += end + 4 - self.lineStart
        guard self.chunks.framingBytes <= Swift.max(self.chunks.bodyBytes, self.limits.chunkFramingBytesMin) else {
            throw .chunkFramingTooLong
        }
        self.beginLine(after: end)
        if size == 0 {
            self.chunks.trailerStart = self.lineStart
            self.phase = .trailer
        } else {
            self.phase = .chunkData(self.lineStart..<self.lineStart + Int(size))
        }
        return true
    }

    /// Takes a chunk over once it and its CRLF are there. False if more bytes are needed.
    mutating func finishChunk(_ bytes: Span<UInt8>, _ data: Range<Int>) throws(HTTPRefusal) -> Bool {
        // Looked at one by one, so that a wrong byte is refused when it arrives.
        guard bytes.count > data.upperBound else { return false }
        guard bytes[data.upperBound] == HTTPByte.carriageReturn else { throw .unterminatedChunk }
        guard bytes.count > data.upperBound + 1 else { return false }
        guard bytes[data.upperBound + 1] == HTTPByte.lineFeed else { throw .unterminatedChunk }
        if self.chunks.isJoined {
            self.chunkedBody.append(bytes, ByteRange(data))
        } else if let first = self.chunks.only {
            self.chunkedBody.append(bytes, first)
            self.chunkedBody.append(bytes, ByteRange(data))
            self.chunks.only = nil
            self.chunks.isJoined = true
        } else {
            self.chunks.only = ByteRange(data)
        }
        self.beginLine(after: data.upperBound)
        self.phase = .chunkSize
        return true
    }

    /// Field lines until the empty line, checked and dropped: a trailer never adds to a head (RFC 9110 6.5.1).
    mutating func parseTrailer(_ bytes: Span<UInt8>) throws(HTTPRefusal) -> Bool {
        let limit = self.chunks.trailerStart + self.limits.trailerBytesMax
        while true {  // Bound: `trailerBytesMax`.
            guard let end = try self.lineEnd(bytes, notAfter: limit, else: .trailerTooLong) else { return false }
            guard end + 2 <= limit else { throw .trailerTooLong }
            let line = self.lineStart..<end
            self.beginLine(after: end)
            if line.isEmpty { return true }
            try Self.checkFieldName(bytes, line, colon: bytes.first(HTTPByte.colon, in: line))
        }
    }
}

/// `*( ";" chunk-ext-name [ "=" chunk-ext-val ] )` (RFC 9112 7.1.1). The grammar's "bad whitespace" is refused: nobody needs it,
/// and readers that differ on it have been the way in for request smuggling.
enum HTTPChunkExtension {
    static func isValid(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        while index < range.upperBound {  // Bound: every turn passes at least a semicolon and a name.
            guard bytes[index] == 0x3B else { return false }
            let name = index + 1
            index = Self.endOfToken(bytes, name..<range.upperBound)
            guard index > name else { return false }
            guard index < range.upperBound, bytes[index] == 0x3D else { continue }
            let value = index + 1
            if value < range.upperBound, bytes[value] == 0x22 {
                guard let end = Self.endOfQuotedString(bytes, value..<range.upperBound) else { return false }
                index = end
            } else {
                index = Self.endOfToken(bytes, value..<range.upperBound)
                guard index > value else { return false }
            }
        }
        return true
    }

    private static func endOfToken(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int {
        var index = range.lowerBound
        while index < range.upperBound, HTTPByte.token.contains(bytes[index]) { index += 1 }
        return index
    }

    /// The offset after the closing quote, or nil. Control bytes other than tab were refused with the line.
    private static func endOfQuotedString(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
        var index = range.lowerBound + 1
        while index < range.upperBound {
            switch bytes[index] {
            case 0x22: return index + 1
            case 0x5C: index += 2
            case 0x80...: return nil
            default: index += 1
            }
        }
        return nil
    }
}
