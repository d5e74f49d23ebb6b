import Base

/// What `Connection` asks for (RFC 9110 7.6.1), joined over its lines.
struct HTTPConnectionOptions: Sendable {
    var close = false
    var keepAlive = false
    var upgrade = false

    mutating func add(_ bytes: Span<UInt8>, _ value: Range<Int>) throws(HTTPRefusal) {
        if value.count == 10, bytes.matchesFolded("keep-alive", at: value.lowerBound) {
            self.keepAlive = true  // What most clients send.
            return
        }
        var position = value.lowerBound
        while position < value.upperBound {  // Bound: the length of one field.
            let end = bytes.first(0x2C, in: position..<value.upperBound)
            let option = bytes.trimmed(position..<end)
            position = end + 1
            switch option.count {
            case 0: continue
            case 5 where bytes.matchesFolded("close", at: option.lowerBound): self.close = true
            case 10 where bytes.matchesFolded("keep-alive", at: option.lowerBound): self.keepAlive = true
            case 7 where bytes.matchesFolded("upgrade", at: option.lowerBound): self.upgrade = true
            default: guard HTTPByte.allTokens(bytes, option) else { throw .malformedConnection }
            }
        }
    }
}

/// Request line and fields.
extension HTTPRequestDecoder {
    mutating func requestLineEnd(_ bytes: Span<UInt8>) throws(HTTPRefusal) -> Int? {
        let lineLimit = self.lineStart + self.limits.requestLineBytesMax
        return try self.lineEnd(bytes, notAfter: lineLimit, else: .requestLineTooLong)
    }

    /// `method SP request-target SP HTTP-version` (RFC 9112 3). The version is looked at first: the preface of HTTP/2 is refused
    /// as 505.
    mutating func parseRequestLine(_ bytes: Span<UInt8>, _ line: Range<Int>) throws(HTTPRefusal) {
        let methodEnd = bytes.first(HTTPByte.space, in: line)
        let versionStart = line.upperBound - 8
        guard versionStart > methodEnd + 1, bytes[versionStart - 1] == HTTPByte.space else {
            throw methodEnd == line.upperBound ? .malformedRequestLine : Self.shortLineRefusal(bytes, line)
        }
        let target = methodEnd + 1..<versionStart - 1
        if bytes.matches("HTTP/1.1", at: versionStart) {
            self.current.minorVersion = 1
        } else if bytes.matches("HTTP/1.0", at: versionStart) {
            self.current.minorVersion = 0
        } else {
            throw Self.versionRefusal(bytes, versionStart)
        }
        self.current.method = try HTTPMethod.parse(bytes, line.lowerBound..<methodEnd)
        let parts = try HTTPTarget(bytes, target, method: self.current.method)
        self.current.target = ByteRange(target)
        self.current.path = ByteRange(parts.path)
        self.current.query = parts.query.map { ByteRange($0) }
        self.authority = parts.authority
    }

    private static func versionRefusal(_ bytes: Span<UInt8>, _ start: Int) -> HTTPRefusal {
        let isVersion =
            bytes.matches("HTTP/", at: start) && ASCII.isDigit(bytes[start + 5]) && bytes[start + 6] == 0x2E
            && ASCII.isDigit(bytes[start + 7])
        return isVersion ? .unsupportedVersion : .malformedVersion
    }

    /// A line with a space whose last nine bytes are not a space and a version: the version is to blame if two spaces are there.
    private static func shortLineRefusal(_ bytes: Span<UInt8>, _ line: Range<Int>) -> HTTPRefusal {
        let first = bytes.first(HTTPByte.space, in: line)
        let second = bytes.first(HTTPByte.space, in: first + 1..<line.upperBound)
        return second < line.upperBound && second > first + 1 ? .malformedVersion : .malformedRequestLine
    }

    /// Parses field lines until the empty line. True once the head is complete.
    mutating func parseFields(_ bytes: Span<UInt8>) throws(HTTPRefusal) -> Bool {
        let headLimit = self.headStart + self.limits.headBytesMax
        while true {  // Bound: `fieldsMax`.
            let fieldLimit = self.lineStart + self.limits.fieldBytesMax
            let limit = Swift.min(fieldLimit, headLimit)
            let tooLong: HTTPRefusal = fieldLimit <= headLimit ? .fieldTooLong : .headTooLong
            guard let end = try self.lineEnd(bytes, notAfter: limit, else: tooLong) else { return false }
            guard end + 2 <= headLimit else { throw .headTooLong }
            if end == self.lineStart {
                self.current.fields = ByteRange(self.fieldsStart, end)
                self.beginLine(after: end)
                try self.finishHead(bytes)
                return true
            }
            guard self.fieldCount < self.limits.fieldsMax else { throw .tooManyFields }
            self.fieldCount += 1
            try self.parseField(bytes, self.lineStart..<end)
            self.beginLine(after: end)
        }
    }

    /// `field-name ":" OWS field-value OWS` (RFC 9112 5).
    @inline(__always)
    private mutating func parseField(_ bytes: Span<UInt8>, _ line: Range<Int>) throws(HTTPRefusal) {
        let colon = bytes.first(HTTPByte.colon, in: line)
        let value = bytes.trimmed(Swift.min(colon + 1, line.upperBound)..<line.upperBound)
        guard colon < line.upperBound, let name = HTTPFieldName.recognise(bytes, line.lowerBound..<colon) else {
            return try Self.checkFieldName(bytes, line, colon: colon)
        }
        if self.seen & HTTPByte.highBits != 0, !Self.isPlain(bytes, value, tabsAllowed: name.mayRepeat) {
            try self.doubt(name, .malformedFieldValue)
        }
        let bit: UInt32 = 1 << UInt32(truncatingIfNeeded: name.rawValue)
        let isFirst = self.recognised & bit == 0
        self.recognised |= bit
        if isFirst { self.current.record(name, value) }
        switch name {
        case .accept: self.acceptList.add(bytes, value)
        case .connection: try self.connection.add(bytes, value)
        default: if !isFirst, !name.mayRepeat { try self.doubt(name, .repeatedField) }
        }
    }

    /// For a line without a recognised name: it must still be a field, without folding and without a space before the colon.
    static func checkFieldName(_ bytes: Span<UInt8>, _ line: Range<Int>, colon: Int) throws(HTTPRefusal) {
        guard bytes[line.lowerBound] != HTTPByte.space, bytes[line.lowerBound] != HTTPByte.tab else { throw .foldedField }
        guard colon > line.lowerBound, colon < line.upperBound, HTTPByte.allTokens(bytes, line.lowerBound..<colon) else {
            throw .malformedFieldName
        }
    }

    /// Whether a value is ASCII, and without tabs unless it is a list.
    private static func isPlain(_ bytes: Span<UInt8>, _ value: Range<Int>, tabsAllowed: Bool) -> Bool {
        for index in value where bytes[index] >= 0x80 || !tabsAllowed && bytes[index] == HTTPByte.tab { return false }
        return true
    }

    /// Of a routing field only its own meaning is lost, and whoever reads the body can say so; of all others, that of the request.
    private mutating func doubt(_ name: HTTPFieldName, _ refusal: HTTPRefusal) throws(HTTPRefusal) {
        guard name.isRouting else { throw refusal }
        self.misread.insert(HTTPFieldNames(name))
    }

    // MARK: The whole head

    /// Reads the one member that is needed: through the head's subscript the whole head would be copied.
    @inline(__always)
    private mutating func range(of name: HTTPFieldName) -> ByteRange? {
        guard self.recognised & 1 << UInt32(truncatingIfNeeded: name.rawValue) != 0 else { return nil }
        return HTTPRequestHead.range(of: name, in: self.current.places)
    }

    private mutating func finishHead(_ bytes: Span<UInt8>) throws(HTTPRefusal) {
        self.headEnd = self.lineStart
        try self.checkHost(bytes)
        let body = try self.bodyFraming(bytes)
        if self.current.method.isForbidden { self.headRefusal = .forbiddenMethod }
        if let coding = self.range(of: .contentEncoding) {
            let isIdentity = coding.count == 8 && bytes.matchesFolded("identity", at: coding.lowerBound)
            if !isIdentity { self.object(.encodedContent) }
        }
        let isHTTP11 = self.current.minorVersion == 1
        if let expectation = self.range(of: .expect) {
            let isKnown = expectation.count == 12 && bytes.matchesFolded("100-continue", at: expectation.lowerBound)
            if !isKnown { self.object(.unknownExpectation) }
            // HTTP/1.0 knows no interim responses (RFC 9110 10.1.1).
            self.current.expectsContinue = isHTTP11 && body != .none && self.headRefusal == nil
        }
        self.current.body = body
        self.current.accepts = self.acceptList.accepts
        self.current.keepAlive = !self.connection.close && (isHTTP11 || self.connection.keepAlive)
        self.current.wantsUpgrade = isHTTP11 && self.connection.upgrade && self.range(of: .upgrade) != nil
        self.isHeadComplete = true
        if let refusal = self.headRefusal {
            self.phase = .refused(refusal)
            return
        }
        switch body {
        case .none: self.phase = .bodyNone
        case .length(let length): self.phase = .bodyLength(length)
        case .chunked: self.phase = .chunkSize
        }
    }

    /// The first objection is the one that is told.
    private mutating func object(_ refusal: HTTPRefusal) { self.headRefusal = self.headRefusal ?? refusal }

    /// `Host` exactly once and well formed, on HTTP/1.0 at most once; an absolute target must repeat it (RFC 9112 3.2.2, 3.2).
    private mutating func checkHost(_ bytes: Span<UInt8>) throws(HTTPRefusal) {
        guard let host = self.range(of: .host) else {
            guard self.current.minorVersion == 0 else { throw .missingHost }
            guard self.authority == nil else { throw .foreignTarget }
            return
        }
        guard HTTPHost.isValid(bytes, host.range) else { throw .malformedHost }
        guard let authority = self.authority else { return }
        guard authority.count == host.count else { throw .foreignTarget }
        for offset in 0..<authority.count {
            let left = ASCII.lowercased(bytes[authority.lowerBound + offset])
            guard left == ASCII.lowercased(bytes[host.lowerBound + offset]) else { throw .foreignTarget }
        }
    }

    private mutating func bodyFraming(_ bytes: Span<UInt8>) throws(HTTPRefusal) -> HTTPRequestHead.Body {
        if let coding = self.range(of: .transferEncoding) {
            guard self.range(of: .contentLength) == nil else { throw .lengthAndTransferEncoding }
            guard self.current.minorVersion == 1 else { throw .transferEncodingBeforeHTTP11 }
            guard coding.count == 7, bytes.matchesFolded("chunked", at: coding.lowerBound), Self.isPlainlySet(bytes, coding)
            else {
                throw .unknownTransferEncoding
            }
            return .chunked
        }
        guard let length = self.range(of: .contentLength) else { return .none }
        // At most ten digits fit in 64 bits; a leading zero is octal to some readers.
        guard (1...10).contains(length.count), length.count == 1 || bytes[length.lowerBound] != 0x30,
            Self.isPlainlySet(bytes, length)
        else { throw .malformedContentLength }
        var value = 0
        for index in length.range {
            guard ASCII.isDigit(bytes[index]) else { throw .malformedContentLength }
            value = value * 10 + Int(bytes[index] - 0x30)
        }
        if value > self.limits.bodyBytesMax { self.object(.bodyTooLarge) }
        return value == 0 ? .none : .length(value)
    }

    /// Whether a value stands directly or after one space behind its colon, and directly before its CRLF. Asked of the two fields
    /// that frame the body: the grammar allows more white space, no client sends any, and parsers have differed on what it means.
    private static func isPlainlySet(_ bytes: Span<UInt8>, _ value: ByteRange) -> Bool {
        let before = value.lowerBound - (bytes[value.lowerBound - 1] == HTTPByte.space ? 2 : 1)
        return bytes[before] == HTTPByte.colon && bytes[value.upperBound] == HTTPByte.carriageReturn
    }
}
