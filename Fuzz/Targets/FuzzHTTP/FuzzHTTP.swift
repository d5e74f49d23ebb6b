import Base
import FuzzSupport
import Wire

/// The request decoder takes the same steps for any chunking of the same bytes, never traps, and never lets through what its
/// documentation rules out.
func fuzzHTTP(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe input(start, count)
    var random = PRNG(hashOf: bytes)
    for limits in [HTTPLimits.standard, small] {
        let whole = Trace(bytes, limits, ends: [bytes.count])
        let cut = Trace(bytes, limits, ends: cuts(of: bytes.count, &random))
        precondition(whole == cut, "the chunking changed the steps")
        if bytes.count <= 400 {
            let single = Trace(bytes, limits, ends: Array(stride(from: 1, through: bytes.count, by: 1)))
            precondition(whole == single, "feeding single bytes changed the steps")
        }
    }
    return 0
}

/// Limits that inputs of a few hundred bytes reach.
let small: HTTPLimits = {
    var limits = HTTPLimits(bodyBytesMax: 48)
    limits.requestLineBytesMax = 40
    limits.fieldBytesMax = 48
    limits.headBytesMax = 160
    limits.fieldsMax = 6
    limits.chunkExtensionBytesMax = 12
    limits.trailerBytesMax = 32
    limits.chunkFramingBytesMin = 24
    return limits
}()

/// Everything that a decoder said, in numbers.
struct Trace: Equatable {
    private(set) var words: [Int] = []
    private(set) var refusal: HTTPRefusal?
    /// What the decoder said it would refuse the head for.
    private var announced: HTTPRefusal?
    private(set) var leftover = 0

    init(_ bytes: [UInt8], _ limits: HTTPLimits, ends: [Int]) {
        var decoder = HTTPRequestDecoder(limits: limits)
        var held: [UInt8] = []
        var position = 0
        for end in ends {
            held.append(bytes.span.extracting(position..<end))
            position = end
            guard self.feed(&decoder, &held, limits) else { return }
        }
        self.leftover = held.count
    }

    /// Takes every step the bytes held allow. False after a refusal.
    private mutating func feed(_ decoder: inout HTTPRequestDecoder, _ held: inout [UInt8], _ limits: HTTPLimits) -> Bool {
        while true {
            do throws(HTTPRefusal) {
                switch try decoder.decode(held.span) {
                case .needMore:
                    precondition(held.count <= limits.requestBytesMax, "an unfinished request outgrew its limits")
                    return true
                case .head(let head):
                    self.record(head, held.span)
                    self.words += [Int(decoder.misread.rawValue), decoder.headRefusal?.status ?? 0]
                    self.announced = decoder.headRefusal
                case .request(let body, let consumed):
                    precondition(self.announced == nil, "a refused head got its body")
                    precondition(consumed > 0 && consumed <= held.count, "consumed what was not there")
                    self.record(body, decoder.chunkedBody, held.span, limits)
                    self.words.append(consumed)
                    held.removeFirst(consumed)
                }
            } catch {
                precondition(self.announced == nil || self.announced == error, "a head is refused for something else")
                self.refusal = error
                return false
            }
        }
    }

    private mutating func record(_ head: HTTPRequestHead, _ bytes: Span<UInt8>) {
        self.words += [head.minorVersion, head.keepAlive ? 1 : 0, head.expectsContinue ? 1 : 0, head.wantsUpgrade ? 1 : 0]
        self.words += [
            Int(head.accepts.rawValue), head.acceptIsAbsent ? 1 : 0, HTTPMethod.allCases.firstIndex(of: head.method) ?? -1,
        ]
        switch head.body {
        case .none: self.words.append(-1)
        case .length(let length): self.words.append(length)
        case .chunked: self.words.append(-2)
        }
        for range in [head.target, head.path, head.query ?? ByteRange(0, 0), head.fields] { self.record(range) }
        for name in HTTPFieldName.allCases { self.record(head[name] ?? ByteRange(0, 0)) }
        var ranges: [ByteRange] = []
        head.forEachField(in: bytes) { ranges += [$0, $1] }
        for range in ranges { self.record(range) }
        check(head, ranges, bytes)
    }

    private mutating func record(_ body: HTTPRequestDecoder.Body, _ joined: [UInt8], _ bytes: Span<UInt8>, _ limits: HTTPLimits) {
        let bodyHash: UInt64
        let bodyCount: Int
        switch body {
        case .none: (bodyHash, bodyCount) = (0, 0)
        case .inline(let range): (bodyHash, bodyCount) = (hash(bytes, range.range), range.count)
        case .chunked: (bodyHash, bodyCount) = (hash(joined.span, joined.indices), joined.count)
        }
        precondition(bodyCount <= limits.bodyBytesMax, "a body above its limit")
        self.words += [Int(truncatingIfNeeded: bodyHash), bodyCount]
    }

    private mutating func record(_ range: ByteRange) { self.words += [range.lowerBound, range.upperBound] }
}

/// What every accepted head must hold.
private func check(_ head: HTTPRequestHead, _ ranges: [ByteRange], _ bytes: Span<UInt8>) {
    for offset in 0..<head.fields.upperBound where bytes[offset] == 0x0A {
        precondition(offset > 0 && bytes[offset - 1] == 0x0D, "a bare LF passed")
    }
    for index in ranges.indices {
        precondition(index % 2 == 1 || !ranges[index].isEmpty, "an empty name")
        for offset in ranges[index].range {
            let byte = bytes[offset]
            precondition(byte >= 0x20 && byte != 0x7F || byte == 0x09 && index % 2 == 1, "a control byte passed")
            precondition(index % 2 == 1 || byte != 0x20 && byte != 0x3A && byte < 0x80, "a name is not a token")
        }
    }
    for name in HTTPFieldName.allCases {
        guard let value = head[name] else { continue }
        for offset in value.range { precondition(bytes[offset] < 0x80, "a recognised field holds other than ASCII") }
    }
    let first = bytes[head.path.lowerBound]
    precondition(first == 0x2F || first == 0x2A && head.path.count == 1, "a path without a slash")
    precondition(head.minorVersion == 0 || head[.host] != nil, "no Host")
    precondition(head[.contentLength] == nil || head[.transferEncoding] == nil, "two framings")
}
