import Base
import Testing
import Wire

@Suite struct SSETests {
    private static func written(_ write: (inout [UInt8]) -> Void) -> String {
        var output: [UInt8] = []
        write(&output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test func `a message is one data line`() {
        let written = Self.written { SSE.appendMessage(Array(#"{"a":1}"#.utf8).span, to: &$0) }
        #expect(written == "data: {\"a\":1}\n\n")
    }

    @Test func `id, name, retry and comment have their forms`() {
        #expect(
            Self.written { SSE.appendMessage(Array("x".utf8).span, id: Array("s-7".utf8).span, to: &$0) }
                == "id: s-7\ndata: x\n\n")
        #expect(Self.written { SSE.appendMessage([UInt8]().span, id: Array("s-0".utf8).span, to: &$0) } == "id: s-0\ndata: \n\n")
        #expect(
            Self.written { SSE.appendEvent(name: "endpoint", data: Array("/m".utf8).span, to: &$0) }
                == "event: endpoint\ndata: /m\n\n")
        #expect(Self.written { SSE.appendRetry(milliseconds: 1_500, to: &$0) } == "retry: 1500\n\n")
        #expect(Self.written { SSE.appendComment(to: &$0) } == ":\n\n")
    }

    @Test(arguments: [
        ("a\nb", "data: a\ndata: b\n\n"), ("a\rb", "data: a\ndata: b\n\n"), ("a\r\nb", "data: a\ndata: b\n\n"),
        ("a\n\nb", "data: a\ndata: \ndata: b\n\n"), ("a\n\rb", "data: a\ndata: \ndata: b\n\n"), ("a\n", "data: a\ndata: \n\n"),
        ("\r", "data: \ndata: \n\n"), ("a\r\n\r\nevent: evil", "data: a\ndata: \ndata: event: evil\n\n"),
        ("a\tb\u{0}c\nd", "data: a\tb\u{0}c\ndata: d\n\n"),
        ("\u{2028}\u{85}", "data: \u{2028}\u{85}\n\n"),
    ])
    func `each line end in the data starts a further data line`(data: String, expected: String) {
        #expect(Self.written { SSE.appendMessage(Array(data.utf8).span, to: &$0) } == expected)
    }

    @Test func `line ends and NUL in an id are replaced`() {
        let id = Array("a\r\nb\u{0}c".utf8)
        #expect(Self.written { SSE.appendMessage([0x78].span, id: id.span, to: &$0) } == "id: a??b?c\ndata: x\n\n")
        #expect(Self.written { SSE.appendEvent(name: "a\nb", data: [0x78].span, to: &$0) } == "event: a?b\ndata: x\n\n")
    }

    @Test func `data written in place is checked too`() {
        let written = Self.written { output in
            output.append("before\n")
            let mark = SSE.begin(into: &output)
            output.append("one\ntwo")
            SSE.end(mark, into: &output)
        }
        #expect(written == "before\ndata: one\ndata: two\n\n")
    }

    @Test func `a line end is found at every offset of a word`() {
        for offset in 0..<40 {
            var data = [UInt8](repeating: 0x78, count: 41)
            data[offset] = 0x0A
            let start = String(repeating: "x", count: offset)
            let end = String(repeating: "x", count: 40 - offset)
            #expect(Self.written { SSE.appendMessage(data.span, to: &$0) } == "data: \(start)\ndata: \(end)\n\n")
        }
    }
}
