import Base
import MCP
import Testing

@Suite struct HeaderValueTests {
    private static func read(_ text: String) -> HeaderValue {
        let bytes = [UInt8](text.utf8)
        return HeaderValue(bytes.span, ByteRange(0, bytes.count))
    }

    @Test(arguments: [("  name  ", "name"), ("\tname\t ", "name"), ("a b", "a b"), ("", ""), (" \t ", ""), ("name", "name")])
    func `white space around a value is no part of it`(field: String, value: String) {
        let bytes = [UInt8](field.utf8)
        let range = HeaderValue.trimmed(bytes.span, ByteRange(0, bytes.count))
        #expect(String(decoding: bytes[range.range], as: UTF8.self) == value)
        let text = [UInt8](value.utf8)
        let isEqual = Self.read(field).equals(bytes.span, text: text.span)
        #expect(isEqual)
    }

    @Test(arguments: [
        ("=?base64?SGVsbG8=?=", "Hello"), ("=?base64??=", ""), ("=?base64?w6TDtsO8?=", "äöü"), (" =?base64?SGVsbG8=?= ", "Hello"),
        ("=?base64?4pyT?=", "✓"), ("=?base64?YQ==?=", "a"), ("=?base64?Pz8/Pj4+?=", "???>>>"),
        ("=?base64?PT9iYXNlNjQ/WVE9PT89?=", "=?base64?YQ==?="),
    ])
    func `a sentinel stands for its text`(field: String, text: String) {
        #expect(Self.read(field) == .decoded([UInt8](text.utf8)))
    }

    @Test(arguments: [
        "=?base64?SGVsbG8?=", "=?base64?SGVs!!!bG8=?=", "=?base64?SGVsbG8==?=", "=?base64?SGVsbG9=?=", "=?base64?YR==?=",
        "=?base64?=YQ=?=", "=?base64?YQ=a?=", "=?base64?YQ==YQ==?=", "=?base64?/w==?=", "=?base64?SGVs bG8=?=",
        "=?base64?SGV-_G8=?=", "=?base64?====?=", "=?base64?Y===?=",
    ])
    func `a sentinel that is not canonical is malformed`(field: String) {
        #expect(Self.read(field) == .malformed)
    }

    @Test(arguments: [
        "=?BASE64?YQ==?=", "=?base64?YQ==", "base64?YQ==?=", "=?base64?=", "=?base64?", "x=?base64?YQ==?=", "=?base64?YQ==?=x",
        "=?utf8?YQ==?=",
    ])
    func `anything else is a literal`(field: String) {
        let bytes = [UInt8](field.utf8)
        #expect(Self.read(field) == .literal(ByteRange(0, bytes.count)))
    }

    @Test(arguments: ["na\u{7F}me", "nä", "a\0b", "a\u{1}b", "a\rb"])
    func `bytes that are not visible ASCII are malformed`(field: String) {
        #expect(Self.read(field) == .malformed)
    }

    @Test func `a malformed value equals nothing`() {
        let bytes = [UInt8]("=?base64?SGVsbG8?=".utf8)
        let isEqual = Self.read("=?base64?SGVsbG8?=").equals(bytes.span, text: bytes.span)
        #expect(!isEqual)
    }
}
