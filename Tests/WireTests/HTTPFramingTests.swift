import Testing
import Wire

/// Body framing: security table "CL/TE", "TE obfuscation" and "chunks".
@Suite struct HTTPFramingTests {
    private static let chunked = request("POST", "/", "Transfer-Encoding: chunked")

    @Test(arguments: [
        "+5", "-5", "-0", "0x5", "05", "00", "5 ", "5\t", " 5", "\t5", "5,5", "5, 5", "5 5", "", "five", "5.0", "5e0", "1_0",
        "12345678901",
        "9223372036854775808", "99999999999999999999", "\"5\"", "5;", "0b1",
    ])
    func `a length that two readers could read differently is refused`(length: String) {
        #expect(
            HTTPTranscript.of(request("POST", "/", "Content-Length: \(length)") + "hello").events == [
                .refused(.malformedContentLength)
            ])
    }

    @Test(arguments: ["5", "6"])
    func `a second length is refused even when equal`(length: String) {
        let text = request("POST", "/", "Content-Length: 5", "Content-Length: \(length)") + "hello"
        #expect(HTTPTranscript.of(text).events == [.refused(.repeatedField)])
    }

    @Test func `length and transfer coding together are refused in either order`() {
        let coding = "Transfer-Encoding: chunked"
        #expect(
            HTTPTranscript.of(request("POST", "/", "Content-Length: 5", coding)).events == [.refused(.lengthAndTransferEncoding)])
        #expect(
            HTTPTranscript.of(request("POST", "/", coding, "Content-Length: 0")).events == [.refused(.lengthAndTransferEncoding)])
        #expect(
            HTTPTranscript.of(request("POST", "/", coding, "Content-Length: x")).events == [.refused(.lengthAndTransferEncoding)])
    }

    @Test(arguments: [
        "xchunked", "chunkedx", "chunked, chunked", "gzip", "gzip, chunked", "chunked, gzip", "identity", "", "\"chunked\"",
        "chunked;q=1",
        "chunked,", ",chunked", "chunked ", "\tchunked", "  chunked", " chunked", "chunked\t", "chun ked", "trailers",
    ])
    func `a transfer coding other than exactly chunked is refused`(coding: String) {
        #expect(
            HTTPTranscript.of(request("POST", "/", "Transfer-Encoding: \(coding)")).events == [.refused(.unknownTransferEncoding)]
        )
    }

    @Test func `obfuscated transfer codings are refused`() {
        #expect(HTTPTranscript.of(request("POST", "/", "Transfer-Encoding: chunked\u{B}")).events == [.refused(.controlByte)])
        #expect(
            HTTPTranscript.of(request("POST", "/", "Transfer-Encoding: chun\u{212A}ed")).events == [
                .refused(.malformedFieldValue)
            ])
        #expect(HTTPTranscript.of(request("POST", "/", "Transfer-Encoding:", " chunked")).events == [.refused(.foldedField)])
        #expect(
            HTTPTranscript.of(request("POST", "/", "Transfer-Encoding: x", "Transfer-Encoding: chunked")).refusal
                == .repeatedField)
        // Not the field: no body, and what follows is read as the next request.
        #expect(
            HTTPTranscript.of(request("POST", "/", "Transfer_Encoding: chunked") + "0\r\n\r\n").refusal == .malformedRequestLine)
    }

    @Test(arguments: ["chunked", "CHUNKED", "Chunked"])
    func `chunked is recognised in any case`(coding: String) {
        let transcript = HTTPTranscript.of(request("POST", "/", "Transfer-Encoding: \(coding)") + "2\r\nhi\r\n0\r\n\r\n")
        #expect(transcript.heads.map(\.body) == [.chunked])
        #expect(transcript.bodies == ["hi"])
    }

    @Test func `the chunked coding needs HTTP 1.1`() {
        let text = "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        #expect(HTTPTranscript.of(text).events == [.refused(.transferEncodingBeforeHTTP11)])
    }

    @Test(arguments: [
        ("0\r\n\r\n", ""), ("000\r\n\r\n", ""), ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"),
        ("1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n", "abc"), ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("a\r\n0123456789\r\n0\r\n\r\n", "0123456789"), ("0000000000000002\r\nhi\r\n0\r\n\r\n", "hi"),
        ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
        ("5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n"), ("2;a\r\nhi\r\n0;b=c\r\n\r\n", "hi"),
        ("2;a=\"q\\\"\t;\";b;c=d\r\nhi\r\n0\r\n\r\n", "hi"),
        ("2\r\nhi\r\n0\r\nX-T: a\r\nContent-Length: 9\r\nHost: evil\r\nAuthorization: x\r\nTransfer-Encoding: x\r\n\r\n", "hi"),
    ])
    func `chunks are joined, extensions and trailers dropped`(body: String, joined: String) {
        let transcript = HTTPTranscript.of(Self.chunked + body + request("GET", "/next"))
        #expect(transcript.bodies == [joined, ""])
        #expect(transcript.heads.map(\.path) == ["/", "/next"])
        #expect(transcript.heads.first?.fields.count == 2)
        #expect(transcript.leftover == 0)
    }

    @Test func `a body of one chunk is not copied`() throws {
        var decoder = HTTPRequestDecoder()
        let bytes = Array((Self.chunked + "5\r\nhello\r\n0\r\n\r\n").utf8)
        _ = try decoder.decode(bytes.span)
        guard case .request(.inline(let body), bytes.count) = try decoder.decode(bytes.span) else {
            Issue.record("copied")
            return
        }
        #expect(text(bytes.span, body) == "hello")
        #expect(decoder.chunkedBody.isEmpty)
    }

    @Test(arguments: [
        "\r\n", " 5\r\n", "5 \r\n", "5\t\r\n", "0x5\r\n", "+5\r\n", "-5\r\n", "5_0\r\n", "g\r\n", "h;a\r\n", ";a\r\n",
        "00000000000000005\r\n", "5,\r\n",
        "5.\r\n", "\u{FF15}\r\n", "5 ;a\r\n", "ffffffffffffffff0\r\n",
    ])
    func `a malformed chunk size is refused`(line: String) {
        #expect(HTTPTranscript.of(Self.chunked + line + "hello\r\n0\r\n\r\n").refusal == .malformedChunkSize)
    }

    @Test(arguments: ["ffffffffffffffff", "8000000000000000", "7fffffffffffffff", "400001", "FFFFFFFF"])
    func `a chunk size beyond the limit is refused without overflow`(size: String) {
        #expect(HTTPTranscript.of(Self.chunked + size + "\r\n").refusal == .bodyTooLarge)
        #expect(HTTPTranscript.of(Self.chunked + "1\r\na\r\n" + size + "\r\n").refusal == .bodyTooLarge)
    }

    @Test(arguments: [
        "5;\r\n", "5;;\r\n", "5;a=\r\n", "5;=b\r\n", "5; a\r\n", "5;a =b\r\n", "5;a= b\r\n", "5;a=\"b\r\n", "5;a=\"b\\\r\n",
        "5;a=\"b\"c\r\n",
        "5;a=b c\r\n", "5;\u{E9}\r\n", "5;a=\"\u{E9}\"\r\n", "5;a=\"b\" \r\n", "5;a,b\r\n", "5;a\tb\r\n",
    ])
    func `a malformed chunk extension is refused`(line: String) {
        #expect(HTTPTranscript.of(Self.chunked + line + "hello\r\n0\r\n\r\n").refusal == .malformedChunkExtension)
    }

    @Test(arguments: [
        ("5\nhello\r\n0\r\n\r\n", HTTPRefusal.bareLineFeed), ("5;a\nhello\r\n", .bareLineFeed), ("5;a=\"\n\"\r\n", .bareLineFeed),
        ("5\rhello", .bareCarriageReturn), ("5;a\u{0}\r\n", .controlByte), ("5\r\nhelloX", .unterminatedChunk),
        ("5\r\nhello\n", .unterminatedChunk),
        ("5\r\nhello\rX", .unterminatedChunk), ("5\r\nhello world\r\n", .unterminatedChunk),
        ("4\r\nhello\r\n0\r\n\r\n", .unterminatedChunk),
        ("0\r\n\n", .bareLineFeed), ("0\r\n folded\r\n\r\n", .foldedField), ("0\r\nX : a\r\n\r\n", .malformedFieldName),
        ("0\r\nX: a\n\r\n", .bareLineFeed), ("0\r\nX: \u{0}\r\n\r\n", .controlByte),
        ("0\r\nGET / HTTP/1.1\r\n", .malformedFieldName),
        ("0\r\n\rX", .bareCarriageReturn),
    ])
    func `chunks and trailers end in CRLF and hold no control bytes`(body: String, refusal: HTTPRefusal) {
        #expect(HTTPTranscript.of(Self.chunked + body).refusal == refusal)
    }
}
