import Testing
import Wire

/// The limits of the default configuration, at the last value that passes and the first that does not.
@Suite struct HTTPLimitsTests {
    private static func repeated(_ count: Int) -> String { String(repeating: "x", count: count) }

    @Test func `a request line of 4096 bytes passes and one of 4097 is refused`() {
        let fixed = "GET / HTTP/1.1".utf8.count
        #expect(HTTPTranscript.of(request("GET", "/" + Self.repeated(4_096 - fixed))).refusal == nil)
        #expect(HTTPTranscript.of(request("GET", "/" + Self.repeated(4_097 - fixed))).refusal == .requestLineTooLong)
        #expect(HTTPTranscript.of("GET /" + Self.repeated(4_092)).refusal == .requestLineTooLong)
        #expect(HTTPTranscript.of("GET /" + Self.repeated(4_091)).events.isEmpty)
    }

    @Test func `a field of 8192 bytes passes and one of 8193 is refused`() {
        #expect(HTTPTranscript.of(request("GET", "/", "X: " + Self.repeated(8_189))).refusal == nil)
        #expect(HTTPTranscript.of(request("GET", "/", "X: " + Self.repeated(8_190))).refusal == .fieldTooLong)
        #expect(HTTPTranscript.of("GET / HTTP/1.1\r\nX:" + Self.repeated(8_191)).refusal == .fieldTooLong)
        #expect(HTTPTranscript.of("GET / HTTP/1.1\r\n" + Self.repeated(8_193)).refusal == .fieldTooLong)
    }

    @Test func `a head of 16384 bytes passes and one of 16385 is refused`() {
        let fixed = request("GET", "/", "X: " + Self.repeated(8_180), "Y: ").utf8.count
        let exact = request("GET", "/", "X: " + Self.repeated(8_180), "Y: " + Self.repeated(16_384 - fixed))
        #expect(exact.utf8.count == 16_384)
        #expect(HTTPTranscript.of(exact).refusal == nil)
        #expect(HTTPTranscript.of("\r\n" + exact).refusal == nil)
        let longer = request("GET", "/", "X: " + Self.repeated(8_180), "Y: " + Self.repeated(16_385 - fixed))
        #expect(HTTPTranscript.of(longer).refusal == .headTooLong)
        let endless = "GET / HTTP/1.1\r\n" + String(repeating: "X: " + Self.repeated(8_000) + "\r\n", count: 3)
        #expect(HTTPTranscript.of(endless).refusal == .headTooLong)
    }

    @Test func `100 fields pass and 101 are refused`() {
        func text(_ count: Int) -> String {
            "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: y\r\n", count: count - 1) + "\r\n"
        }
        #expect(HTTPTranscript.of(text(100)).heads.first?.fields.count == 100)
        #expect(HTTPTranscript.of(text(101)).events == [.refused(.tooManyFields)])
    }

    @Test func `a body of the limit passes and one byte more is refused at once`() {
        let limits = HTTPLimits(bodyBytesMax: 10)
        let body = "0123456789"
        #expect(HTTPTranscript.of(request("POST", "/", "Content-Length: 10") + body, limits: limits).bodies == [body])
        #expect(HTTPTranscript.of(request("POST", "/", "Content-Length: 11"), limits: limits).refusal == .bodyTooLarge)
        #expect(HTTPTranscript.of(request("POST", "/", "Content-Length: 4194305")).refusal == .bodyTooLarge)
        #expect(HTTPTranscript.of(request("POST", "/", "Content-Length: 9999999999")).refusal == .bodyTooLarge)
        let chunked = request("POST", "/", "Transfer-Encoding: chunked")
        #expect(HTTPTranscript.of(chunked + "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n", limits: limits).bodies == [body])
        #expect(HTTPTranscript.of(chunked + "5\r\n01234\r\n6\r\n", limits: limits).refusal == .bodyTooLarge)
        #expect(HTTPTranscript.of(chunked + "b\r\n", limits: limits).refusal == .bodyTooLarge)
    }

    @Test func `no limit on bodies is above the ceiling or below zero`() {
        let large = HTTPLimits(bodyBytesMax: .max)
        #expect(HTTPTranscript.of(request("POST", "/", "Content-Length: 536870913"), limits: large).refusal == .bodyTooLarge)
        #expect(large.requestBytesMax < 2 << 30)
        let chunked = request("POST", "/", "Transfer-Encoding: chunked")
        #expect(HTTPTranscript.of(chunked + "7fffffffffffffff\r\n", limits: large).refusal == .bodyTooLarge)
        let negative = HTTPLimits(bodyBytesMax: -1)
        #expect(HTTPTranscript.of(chunked + "0\r\n\r\n", limits: negative).bodies == [""])
        #expect(HTTPTranscript.of(chunked + "1\r\n", limits: negative).refusal == .bodyTooLarge)
    }

    @Test func `extensions of 256 bytes in one request pass and 257 are refused`() {
        let chunked = request("POST", "/", "Transfer-Encoding: chunked")
        #expect(HTTPTranscript.of(chunked + "1;" + Self.repeated(255) + "\r\na\r\n0\r\n\r\n").bodies == ["a"])
        #expect(HTTPTranscript.of(chunked + "1;" + Self.repeated(256) + "\r\na\r\n0\r\n\r\n").refusal == .chunkExtensionTooLong)
        #expect(HTTPTranscript.of(chunked + "1;" + Self.repeated(65_536)).refusal == .chunkExtensionTooLong)
        let two = "1;" + Self.repeated(199) + "\r\na\r\n0;" + Self.repeated(55) + "\r\n\r\n"
        #expect(HTTPTranscript.of(chunked + two).bodies == ["a"])
        let more = "1;" + Self.repeated(199) + "\r\na\r\n0;" + Self.repeated(56) + "\r\n\r\n"
        #expect(HTTPTranscript.of(chunked + more).refusal == .chunkExtensionTooLong)
    }

    @Test func `a trailer section of 1024 bytes passes and one of 1025 is refused`() {
        let start = request("POST", "/", "Transfer-Encoding: chunked") + "0\r\nX: "
        #expect(HTTPTranscript.of(start + Self.repeated(1_017) + "\r\n\r\n").bodies == [""])
        #expect(HTTPTranscript.of(start + Self.repeated(1_018) + "\r\n\r\n").refusal == .trailerTooLong)
        #expect(HTTPTranscript.of(start + Self.repeated(1_022)).refusal == .trailerTooLong)
    }

    @Test func `framing may not outgrow the body beyond its allowance`() {
        var limits = HTTPLimits()
        limits.chunkFramingBytesMin = 50
        let start = request("POST", "/", "Transfer-Encoding: chunked")
        // Five bytes of framing for each chunk of one byte: ten chunks fit into 50, and with the last chunk that is too much.
        #expect(
            HTTPTranscript.of(start + String(repeating: "1\r\na\r\n", count: 9) + "0\r\n\r\n", limits: limits).bodies == [
                "aaaaaaaaa"
            ])
        let refused = HTTPTranscript.of(start + String(repeating: "1\r\na\r\n", count: 10) + "0\r\n\r\n", limits: limits)
        #expect(refused.refusal == .chunkFramingTooLong)
        let large = String(repeating: "a\r\n0123456789\r\n", count: 20) + "0\r\n\r\n"
        #expect(HTTPTranscript.of(start + large, limits: limits).bodies.first?.count == 200)
    }

    @Test func `the memory of large joined bodies is given back`() throws {
        var decoder = HTTPRequestDecoder()
        let half = Self.repeated(0x4000)
        let bytes = Array(
            (request("POST", "/", "Transfer-Encoding: chunked") + "4000\r\n\(half)\r\n4000\r\n\(half)\r\n0\r\n\r\n").utf8)
        _ = try decoder.decode(bytes.span)
        guard case .request(.chunked, _) = try decoder.decode(bytes.span) else {
            Issue.record("not joined")
            return
        }
        #expect(decoder.chunkedBody.count == 0x8000)
        _ = try decoder.decode([UInt8]().span)
        #expect(decoder.chunkedBody.capacity <= HTTPRequestDecoder.chunkedBodyKeptMax)
    }
}
