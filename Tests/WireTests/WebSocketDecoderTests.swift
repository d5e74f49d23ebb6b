import Base
import Testing
import Wire

@Suite struct WebSocketDecoderTests {
    private static var binary: WebSocketLimits {
        var limits = WebSocketLimits()
        limits.takesBinary = true
        return limits
    }

    // MARK: RFC 6455 5.7

    @Test func `a masked text message is read`() {
        let transcript = WebSocketTranscript.of([0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
        #expect(transcript.events == [.text("Hello")])
        #expect(transcript.error == nil && !transcript.isTorn)
    }

    @Test func `the fragmented text message is read when it is masked`() {
        #expect(WebSocketTranscript.of(clientFrame(0x01, "Hel") + clientFrame(0x80, "lo")).events == [.text("Hello")])
    }

    @Test func `the masked answer to a ping is read, and a ping`() {
        #expect(
            WebSocketTranscript.of([0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]).events
                == [.pong(Array("Hello".utf8))])
        #expect(WebSocketTranscript.of(clientFrame(0x89, "Hello")).events == [.ping(Array("Hello".utf8))])
    }

    @Test(arguments: [256, 65_536])
    func `the binary examples are read`(count: Int) {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let frame = clientFrame(0x82, payload)
        #expect(frame[1] == (count == 256 ? 0xFE : 0xFF))
        #expect(WebSocketTranscript.of(frame, limits: Self.binary).events == [.binary(payload)])
    }

    @Test func `the unmasked examples are refused from a client`() {
        #expect(WebSocketTranscript.of([0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F]).error == .unmaskedFrame)
        #expect(WebSocketTranscript.of([0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F]).error == .unmaskedFrame)
    }

    // MARK: Messages

    @Test(arguments: [0, 1, 7, 8, 9, 124, 125, 126, 127, 65_535, 65_536, 70_001])
    func `a message of any length arrives`(count: Int) {
        let text = String(repeating: "x", count: count)
        #expect(WebSocketTranscript.of(clientFrame(0x81, text)).events == [.text(text)])
    }

    @Test func `the mask goes on over every cut and starts again in each frame`() {
        let text = "0123456789abcdefghijklmnopqrstuvwxyz"
        for cut in 0...text.utf8.count {
            let stream = clientFrame(0x01, String(text.prefix(cut))) + clientFrame(0x80, String(text.dropFirst(cut)))
            #expect(WebSocketTranscript.of(stream).events == [.text(text)])
        }
    }

    @Test func `control frames between fragments come first and change nothing`() {
        let stream =
            clientFrame(0x01, "a") + clientFrame(0x89, "1") + clientFrame(0x00, "") + clientFrame(0x8A, "")
            + clientFrame(0x80, "b")
            + clientFrame(0x81, "c")
        #expect(
            WebSocketTranscript.of(stream).events
                == [.ping(Array("1".utf8)), .pong([]), .text("ab"), .text("c")])
    }

    @Test func `a control frame carries at most 125 bytes`() {
        let payload = [UInt8](repeating: 0x70, count: 125)
        #expect(WebSocketTranscript.of(clientFrame(0x89, payload)).events == [.ping(payload)])
    }

    @Test func `a character may be split over fragments`() {
        let text = Array("ä€😀".utf8)
        for cut in 0...text.count {
            let stream =
                clientFrame(0x01, Array(text[..<cut])) + clientFrame(0x89) + clientFrame(0x80, Array(text[cut...]))
            #expect(WebSocketTranscript.of(stream).events == [.ping([]), .text("ä€😀")])
        }
    }

    @Test func `a torn stream is told from one that ended between messages`() {
        let stream = clientFrame(0x01, "ab") + clientFrame(0x80, "c")
        for end in 0...stream.count {
            let transcript = WebSocketTranscript.of(Array(stream[..<end]))
            #expect(transcript.isTorn == (end > 0 && end < stream.count))
        }
    }

    // MARK: Close

    @Test(arguments: [UInt16](1000...1003) + [UInt16](1007...1014) + [3000, 3999, 4000, 4999])
    func `a close frame with a code that may be sent is read`(code: UInt16) {
        let payload = [UInt8(code >> 8), UInt8(code & 0xFF)] + Array("bye ä".utf8)
        #expect(WebSocketTranscript.of(clientFrame(0x88, payload)).events == [.close(code, "bye ä")])
        #expect(WebSocketCloseCode(rawValue: code).isAllowedInFrame)
    }

    @Test(arguments: [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] as [UInt16])
    func `a close frame with a code that must not be sent is refused`(code: UInt16) {
        #expect(WebSocketTranscript.of(clientFrame(0x88, [UInt8(code >> 8), UInt8(code & 0xFF)])).error == .forbiddenCloseCode)
    }

    @Test func `a close frame may be empty, and ends everything`() {
        let after = clientFrame(0x81, "late") + [0xFF, 0xFF, 0xFF]
        let transcript = WebSocketTranscript.of(clientFrame(0x01, "begun") + clientFrame(0x88) + after)
        #expect(transcript.events == [.close(nil, "")])
        #expect(transcript.error == nil && !transcript.isTorn)
    }

    // MARK: Violations

    private static let violations: [([UInt8], WebSocketError)] = [
        (clientFrame(0xC1, "a"), .reservedBits), (clientFrame(0xA1, "a"), .reservedBits), (clientFrame(0x91, "a"), .reservedBits),
        (clientFrame(0xC9, "a"), .reservedBits), ([0xF1], .reservedBits),
        ([0x83], .unknownOpcode), ([0x84], .unknownOpcode), ([0x85], .unknownOpcode), ([0x86], .unknownOpcode),
        ([0x87], .unknownOpcode),
        ([0x8B], .unknownOpcode), ([0x8C], .unknownOpcode), ([0x8D], .unknownOpcode), ([0x8E], .unknownOpcode),
        ([0x8F], .unknownOpcode),
        (clientFrame(0x81, [0x61], mask: nil), .unmaskedFrame), (clientFrame(0x88, [], mask: nil), .unmaskedFrame),
        ([0x81, 0x7E], .unmaskedFrame),
        (clientFrame(0x81, [], length: 0, width: 2), .lengthNotMinimal),
        (clientFrame(0x81, [], length: 125, width: 2), .lengthNotMinimal),
        (clientFrame(0x81, [], length: 125, width: 8), .lengthNotMinimal),
        (clientFrame(0x81, [], length: 65_535, width: 8), .lengthNotMinimal),
        (clientFrame(0x81, [], length: 1 << 63, width: 8), .lengthOverflow),
        (clientFrame(0x81, [], length: .max, width: 8), .lengthOverflow),
        (clientFrame(0x81, [], length: .max >> 1, width: 8), .messageTooBig),
        (clientFrame(0x09, "a"), .fragmentedControl), (clientFrame(0x0A, "a"), .fragmentedControl),
        (clientFrame(0x08), .fragmentedControl),
        (clientFrame(0x89, [UInt8](repeating: 0, count: 126)), .longControl),
        (clientFrame(0x88, [], length: 70_000), .longControl),
        (clientFrame(0x88, [0x03]), .truncatedCloseCode), (clientFrame(0x88, [0x03, 0xE8, 0xFF]), .invalidUTF8),
        (clientFrame(0x88, [0x03, 0xE8, 0xC3]), .invalidUTF8),
        (clientFrame(0x00, "a"), .continuationOfNothing), (clientFrame(0x80, "a"), .continuationOfNothing),
        (clientFrame(0x81, "a") + clientFrame(0x80, "b"), .continuationOfNothing),
        (clientFrame(0x01, "a") + clientFrame(0x81, "b"), .messageInsideMessage),
        (clientFrame(0x01, "a") + clientFrame(0x01, "b"), .messageInsideMessage),
        (clientFrame(0x01, "a") + clientFrame(0x82, "b"), .messageInsideMessage),
        (clientFrame(0x82, "a"), .binaryMessage), ([0x02], .binaryMessage),
        (clientFrame(0x81, [0xFF]), .invalidUTF8), (clientFrame(0x81, [0xC3]), .invalidUTF8),
        (clientFrame(0x81, [0xED, 0xA0]), .invalidUTF8),
        (clientFrame(0x81, [0xC0, 0x80]), .invalidUTF8), (clientFrame(0x81, [0xF4, 0x90]), .invalidUTF8),
        (clientFrame(0x01, [0xE2, 0x82]) + clientFrame(0x80, [0x2E]), .invalidUTF8),
        (clientFrame(0x01, [0xE2, 0x82]) + clientFrame(0x80, []), .invalidUTF8),
    ]

    @Test(arguments: violations)
    func `what breaks a rule is refused`(stream: [UInt8], error: WebSocketError) {
        let transcript = WebSocketTranscript.of(stream)
        #expect(transcript.error == error)
        #expect(!transcript.events.contains { if case .close = $0 { true } else { false } })
    }

    @Test func `a violation is told as soon as its byte is there`() {
        #expect(WebSocketTranscript.of([0x91]).error == .reservedBits)
        #expect(
            WebSocketTranscript.of(clientFrame(0x81, [0x61, 0xFF] + [UInt8](repeating: 0x61, count: 90)).dropLast(90)).error
                == .invalidUTF8)
        #expect(WebSocketTranscript.of([0x81, 0xFF, 0x00, 0x00, 0x00, 0x00, 0x7F, 0xFF, 0xFF, 0xFF]).error == .messageTooBig)
    }

    @Test func `an error is final and leaves no memory behind`() {
        var decoder = WebSocketDecoder()
        for stream in [clientFrame(0x01, "abc") + [0xFF], clientFrame(0x81, "fine")] {
            var position = 0
            #expect(throws: WebSocketError.reservedBits) { _ = try decoder.next(in: stream.span, from: &position) }
            #expect(decoder.message.isEmpty)
        }
    }

    @Test(arguments: WebSocketError.allCases)
    func `each error has a close code that may be sent and a reason that fits`(error: WebSocketError) {
        #expect([1002, 1003, 1007, 1009].contains(error.closeCode.rawValue))
        #expect(error.closeCode.isAllowedInFrame)
        #expect((10...123).contains(error.reason.utf8CodeUnitCount))
    }

    // MARK: Limits

    @Test func `a message may have as many bytes as the limit and no more, over all fragments`() {
        let limits = WebSocketLimits(messageBytesMax: 10)
        let ten = "0123456789"
        #expect(
            WebSocketTranscript.of(clientFrame(0x81, ten) + clientFrame(0x81, ten), limits: limits).events == [
                .text(ten), .text(ten),
            ])
        #expect(WebSocketTranscript.of(clientFrame(0x81, ten + "x"), limits: limits).error == .messageTooBig)
        let halves = clientFrame(0x01, "01234") + clientFrame(0x00, "56789")
        #expect(WebSocketTranscript.of(halves + clientFrame(0x80, ""), limits: limits).events == [.text(ten)])
        #expect(WebSocketTranscript.of(halves + clientFrame(0x80, "x"), limits: limits).error == .messageTooBig)
    }

    @Test func `empty fragments are counted`() {
        var limits = WebSocketLimits()
        limits.fragmentsMax = 4
        let three = clientFrame(0x01, "a") + clientFrame(0x00) + clientFrame(0x00)
        #expect(
            WebSocketTranscript.of(three + clientFrame(0x80) + three + clientFrame(0x80), limits: limits).events == [
                .text("a"), .text("a"),
            ])
        #expect(WebSocketTranscript.of(three + clientFrame(0x00) + [0x80], limits: limits).error == .tooManyFragments)
        #expect(WebSocketTranscript.of(three + clientFrame(0x00) + clientFrame(0x89), limits: limits).events == [.ping([])])
    }

    @Test func `memory grows with what has come, and a large message leaves little behind`() throws {
        var decoder = WebSocketDecoder()
        let frame = clientFrame(0x81, String(repeating: "x", count: 1 << 20))
        var position = 0
        #expect(try decoder.next(in: Array(frame[..<1_000]).span, from: &position) == .needMore)
        #expect(decoder.message.capacity < 4_096)
        position = 1_000
        #expect(try decoder.next(in: frame.span, from: &position) == .message(.text))
        #expect(try decoder.next(in: frame.span, from: &position) == .needMore)
        #expect(decoder.message.capacity <= 16_384)
    }

    // MARK: Properties

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `random messages in random fragments and random pieces arrive`(seed: UInt64) {
        var random = PRNG(seed: seed)
        var stream: [UInt8] = []
        var expected: [WebSocketTranscript.Event] = []
        for _ in 0..<6 {
            var text = ""
            for _ in 0..<random.below(60) { text += ["x", "ä", "€", "😀", "01234567"][random.below(5)] }
            let bytes = Array(text.utf8)
            var start = 0
            var opcode: UInt8 = 1
            repeat {
                let end = Swift.min(bytes.count, start + 1 + random.below(80))
                let mask = (0..<4).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                stream += clientFrame(opcode | (end == bytes.count ? 0x80 : 0), Array(bytes[start..<end]), mask: mask)
                (start, opcode) = (end, 0)
                if end < bytes.count, random.chance(1, in: 3) {
                    let payload = (0..<random.below(126)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                    stream += clientFrame(0x89, payload, mask: mask)
                    expected.append(.ping(payload))
                }
            } while start < bytes.count
            expected.append(.text(text))
        }
        var ends: [Int] = []
        var end = 0
        while end < stream.count {
            end = Swift.min(stream.count, end + 1 + random.below(random.chance(1, in: 2) ? 6 : 300))
            ends.append(end)
        }
        let transcript = WebSocketTranscript(stream, limits: .standard, ends: ends)
        #expect(transcript.events == expected)
        #expect(transcript.error == nil && !transcript.isTorn)
    }

    @Test(arguments: 0..<300 as Range<UInt64>)
    func `a stream with wrong bytes gives the same however it is cut`(seed: UInt64) {
        var random = PRNG(seed: seed)
        var stream =
            clientFrame(0x01, "Grüße, ") + clientFrame(0x89, "?") + clientFrame(0x80, "Welt €") + clientFrame(0x88, [0x03, 0xE8])
        for _ in 0...random.below(3) { stream[random.below(stream.count)] = UInt8(truncatingIfNeeded: random.next()) }
        _ = WebSocketTranscript.of(stream)
    }
}
