import Base
import Testing
import Wire

/// What a decoder said about some bytes, copied out of them so that two runs can be compared.
struct HTTPTranscript: Equatable, CustomStringConvertible {
    struct Field: Equatable {
        let name: String
        let value: String
    }

    struct Head: Equatable {
        var method = HTTPMethod.get
        var minorVersion = 1
        var target = ""
        var path = ""
        var query: String?
        var accepts: HTTPAccepts = []
        var keepAlive = true
        var expectsContinue = false
        var wantsUpgrade = false
        var body = HTTPRequestHead.Body.none
        var fields: [Field] = []
        var recognised: [HTTPFieldName: String] = [:]
        var misread: HTTPFieldNames = []
    }

    enum Event: Equatable {
        case head(Head)
        case request(body: String)
        case refused(HTTPRefusal)
    }

    var events: [Event] = []
    /// Bytes that were neither consumed nor refused.
    var leftover = 0

    var description: String { "\(self.events) and \(self.leftover) bytes left" }
    var refusal: HTTPRefusal? {
        if case .refused(let refusal) = self.events.last { refusal } else { nil }
    }
    var heads: [Head] { self.events.compactMap { if case .head(let head) = $0 { head } else { nil } } }
    var bodies: [String] { self.events.compactMap { if case .request(let body) = $0 { body } else { nil } } }

    /// Feeds `bytes` in pieces that end at `ends`, as a connection does: everything not consumed is passed again, with what is
    /// new.
    init(_ bytes: [UInt8], limits: HTTPLimits = .standard, ends: [Int]) {
        var decoder = HTTPRequestDecoder(limits: limits)
        var held: [UInt8] = []
        var position = 0
        for end in ends {
            held.append(contentsOf: bytes[position..<end])
            position = end
            guard self.feed(&decoder, &held) else { return }
        }
        self.leftover = held.count
    }

    /// Takes every step that the bytes held allow. False after a refusal.
    private mutating func feed(_ decoder: inout HTTPRequestDecoder, _ held: inout [UInt8]) -> Bool {
        while true {
            do throws(HTTPRefusal) {
                switch try decoder.decode(held.span) {
                case .needMore: return true
                case .head(let head):
                    var seen = Head(head, held.span)
                    seen.misread = decoder.misread
                    self.events.append(.head(seen))
                case .request(let body, let consumed):
                    switch body {
                    case .none: self.events.append(.request(body: ""))
                    case .inline(let range): self.events.append(.request(body: text(held.span, range)))
                    case .chunked: self.events.append(.request(body: String(decoding: decoder.chunkedBody, as: UTF8.self)))
                    }
                    held.removeFirst(consumed)
                }
            } catch {
                self.events.append(.refused(error))
                return false
            }
        }
    }

    /// The transcript of `text`, after checking that every chunking gives the same one, and so does the text behind another
    /// request.
    static func of(_ text: String, limits: HTTPLimits = .standard, sourceLocation: SourceLocation = #_sourceLocation) -> Self {
        Self.of(Array(text.utf8), limits: limits, sourceLocation: sourceLocation)
    }

    static func of(_ bytes: [UInt8], limits: HTTPLimits = .standard, sourceLocation: SourceLocation = #_sourceLocation) -> Self {
        let whole = Self(bytes, limits: limits, ends: [bytes.count])
        for ends in Chunkings(count: bytes.count) {
            let cut = Self(bytes, limits: limits, ends: ends)
            #expect(cut == whole, "cut at \(ends.prefix(3)) of \(bytes.count)", sourceLocation: sourceLocation)
        }
        let first = Array("GET /first HTTP/1.1\r\nHost: first\r\n\r\n".utf8)
        let pipelined = Self(first + bytes, limits: limits, ends: [first.count + bytes.count])
        #expect(pipelined.events.dropFirst(2) == whole.events[...], "pipelined", sourceLocation: sourceLocation)
        #expect(pipelined.leftover == whole.leftover, "pipelined", sourceLocation: sourceLocation)
        return whole
    }
}

extension HTTPTranscript.Head {
    init(_ head: HTTPRequestHead, _ bytes: Span<UInt8>) {
        self.method = head.method
        self.minorVersion = head.minorVersion
        self.target = text(bytes, head.target)
        self.path = text(bytes, head.path)
        self.query = head.query.map { text(bytes, $0) }
        self.accepts = head.accepts
        self.keepAlive = head.keepAlive
        self.expectsContinue = head.expectsContinue
        self.wantsUpgrade = head.wantsUpgrade
        self.body = head.body
        var fields: [HTTPTranscript.Field] = []
        let copy = [UInt8](bytes)
        head.forEachField(in: bytes) { name, value in
            fields.append(HTTPTranscript.Field(name: text(copy.span, name), value: text(copy.span, value)))
        }
        self.fields = fields
        for name in HTTPFieldName.allCases {
            if let value = head[name] { self.recognised[name] = text(bytes, value) }
        }
    }
}

func text(_ bytes: Span<UInt8>, _ range: ByteRange) -> String {
    String(decoding: [UInt8](bytes, range), as: UTF8.self)
}

/// A request with a `Host` and the lines given, without a body.
func request(_ method: String = "POST", _ target: String = "/mcp", _ lines: String...) -> String {
    "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
}
