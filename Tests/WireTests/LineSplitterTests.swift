import Base
import Testing
import Wire

@Suite struct LineSplitterTests {
    private enum Event: Equatable {
        case line([UInt8])
        case tooLong
    }

    /// What a splitter says when `chunks` are fed one after the other.
    private func events(_ chunks: [[UInt8]], lineBytesMax: Int = 8) -> (events: [Event], isInsideLine: Bool) {
        var splitter = LineSplitter(lineBytesMax: lineBytesMax)
        var events: [Event] = []
        for chunk in chunks {
            var position = 0
            loop: while true {
                switch splitter.next(in: chunk.span, from: &position) {
                case .none: break loop
                case .inline(let range): events.append(.line([UInt8](chunk.span, range)))
                case .buffered: events.append(.line(splitter.line))
                case .tooLong: events.append(.tooLong)
                }
                #expect(splitter.line.count <= lineBytesMax)
            }
            #expect(position == chunk.count)
        }
        return (events, splitter.isInsideLine)
    }

    private static let streams: [(String, [String?], Bool)] = [
        ("", [], false), ("\n", [], false), ("\r\n", [], false), ("\n\r\n\n", [], false), ("a\n", ["a"], false),
        ("a\r\n", ["a"], false), ("a", [], true),
        ("a\nb\n", ["a", "b"], false), ("a\n\nb\r\n\r\nc", ["a", "b"], true), ("\r", [], true), ("\r\r\n", ["\r"], false),
        ("a\rb\n", ["a\rb"], false),
        ("a\r\r\n", ["a\r"], false), ("12345678\n", ["12345678"], false), ("1234567\r\n", ["1234567"], false),
        ("12345678\r\n", [nil], false),
        ("123456789\n", [nil], false), ("123456789", [nil], true), ("123456789\nab\n", [nil, "ab"], false),
        ("x\n1234567890abcdefgh\ny\n", ["x", nil, "y"], false),
        ("123456789\r\n\n123456789\nz", [nil, nil], true), ("é\n", ["é"], false), ("\0\n", ["\0"], false), (" \n", [" "], false),
        ("{\"a\":1}\n{}\n\n[1]\n", ["{\"a\":1}", "{}", "[1]"], false), ("\u{2028}\n", ["\u{2028}"], false),
        ("\u{85}\u{B}\n", ["\u{85}\u{B}"], false),
    ]

    private func expected(_ lines: [String?]) -> [Event] { lines.map { $0.map { .line(Array($0.utf8)) } ?? .tooLong } }

    @Test(arguments: streams) func `a stream fed whole gives its lines`(stream: String, lines: [String?], isInsideLine: Bool) {
        let result = self.events([Array(stream.utf8)])
        #expect(result.events == self.expected(lines))
        #expect(result.isInsideLine == isInsideLine)
    }

    @Test(arguments: streams) func `every two-way cut gives the same lines`(stream: String, lines: [String?], isInsideLine: Bool)
    {
        let bytes = Array(stream.utf8)
        for cut in 0...bytes.count {
            let result = self.events([Array(bytes[..<cut]), Array(bytes[cut...])])
            #expect(result.events == self.expected(lines), "cut at \(cut)")
            #expect(result.isInsideLine == isInsideLine)
        }
    }

    @Test(arguments: streams) func `every three-way cut and single bytes give the same lines`(
        stream: String, lines: [String?], isInsideLine: Bool
    ) {
        let bytes = Array(stream.utf8)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let result = self.events([Array(bytes[..<first]), Array(bytes[first..<second]), [], Array(bytes[second...])])
                #expect(result.events == self.expected(lines))
            }
        }
        #expect(self.events(bytes.map { [$0] }).events == self.expected(lines))
    }

    @Test func `random streams give the same lines however they are cut`() {
        var random = PRNG(seed: 5)
        let alphabet = Array("abc\n\n\r".utf8)
        for _ in 0..<2_000 {
            let stream = (0..<random.below(60)).map { _ in alphabet[random.below(alphabet.count)] }
            let whole = self.events([stream], lineBytesMax: 5)
            var chunks: [[UInt8]] = []
            var rest = stream[...]
            while !rest.isEmpty {
                let count = 1 + random.below(rest.count)
                chunks.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            let cut = self.events(chunks, lineBytesMax: 5)
            #expect(cut.events == whole.events)
            #expect(cut.isInsideLine == whole.isInsideLine)
        }
    }

    @Test func `a line inside the fed bytes is not copied`() {
        var splitter = LineSplitter()
        let bytes = Array("ab\ncd\r\nef".utf8)
        var position = 0
        #expect(splitter.next(in: bytes.span, from: &position) == .inline(ByteRange(0, 2)))
        #expect(position == 3)
        #expect(splitter.next(in: bytes.span, from: &position) == .inline(ByteRange(3, 5)))
        #expect(splitter.next(in: bytes.span, from: &position) == .none)
        #expect(splitter.line == Array("ef".utf8))
        position = 0
        let rest = Array("g\nh\n".utf8)
        #expect(splitter.next(in: rest.span, from: &position) == .buffered)
        #expect(splitter.line == Array("efg".utf8))
        #expect(splitter.next(in: rest.span, from: &position) == .inline(ByteRange(2, 3)))
        #expect(splitter.line.isEmpty)
    }

    @Test func `a line that is too long is reported at once and holds no memory`() {
        var splitter = LineSplitter(lineBytesMax: 10)
        let chunk = [UInt8](repeating: 0x61, count: 8)
        var position = 0
        #expect(splitter.next(in: chunk.span, from: &position) == .none)
        position = 0
        #expect(splitter.next(in: chunk.span, from: &position) == .tooLong)
        #expect(splitter.line.capacity == 0)
        for _ in 0..<100 {
            position = 0
            #expect(splitter.next(in: chunk.span, from: &position) == .none)
            #expect(splitter.line.isEmpty)
            #expect(splitter.isInsideLine)
        }
    }

    @Test func `a huge line gives its memory back after it was read`() {
        var splitter = LineSplitter()
        let half = [UInt8](repeating: 0x61, count: 2 << 20)
        var position = 0
        #expect(splitter.next(in: half.span, from: &position) == .none)
        position = 0
        #expect(splitter.next(in: (half + [0x0A]).span, from: &position) == .buffered)
        #expect(splitter.line.count == 4 << 20)
        #expect(splitter.next(in: [UInt8]().span, from: &position) == .none)
        #expect(splitter.line.capacity == 0)
    }
}
