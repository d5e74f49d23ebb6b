import Base
import Testing

@Suite struct BytesTests {
    private func decimal(_ value: UInt64) -> String {
        var bytes: [UInt8] = []
        bytes.append(decimal: value)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func decimal(signed value: Int64) -> String {
        var bytes: [UInt8] = []
        bytes.append(decimal: value)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `spans, parts of spans and literals are appended`() {
        let source = Array("hello".utf8)
        var bytes: [UInt8] = []
        bytes.append(source.span)
        bytes.append(source.span, ByteRange(1, 3))
        bytes.append(source.span, ByteRange(5, 5))
        bytes.append("!é" as StaticString)
        #expect(bytes == Array("helloel!é".utf8))
        #expect([UInt8](source.span) == source)
        #expect([UInt8](source.span, ByteRange(2, 5)) == Array("llo".utf8))
        #expect([UInt8]("abc" as StaticString) == Array("abc".utf8))
        #expect([UInt8]([UInt8]().span).isEmpty)
        #expect([UInt8]("" as StaticString).isEmpty)
    }

    @Test(arguments: [0, 1, 9, 10, 11, 99, 100, 101, 999, 1_000, 12_345_678_901, UInt64(Int64.max), UInt64.max - 1, UInt64.max])
    func `an unsigned number is written in decimal`(value: UInt64) {
        #expect(self.decimal(value) == String(value))
    }

    @Test func `every power of ten and its neighbours are written in decimal`() {
        var power: UInt64 = 1
        for _ in 0..<19 {
            power *= 10
            for value in [power - 1, power, power + 1] { #expect(self.decimal(value) == String(value)) }
        }
    }

    @Test(arguments: [0, 1, -1, -9, -10, 42, -1_234_567, Int64.max, Int64.min])
    func `a signed number is written in decimal`(value: Int64) {
        #expect(self.decimal(signed: value) == String(value))
    }

    @Test(arguments: [("abc", true), ("ab", false), ("abcd", false), ("abC", false), ("", false)])
    func `equality with a literal is exact`(text: String, expected: Bool) {
        let bytes = Array(text.utf8)
        let isEqual = bytes.span.equals("abc" as StaticString)
        #expect(isEqual == expected)
        let other = Array("abc".utf8)
        let isSpanEqual = bytes.span.equals(other.span)
        #expect(isSpanEqual == expected)
    }

    /// Words of eight bytes are compared, so every length and every place of a difference counts.
    @Test func `one other byte anywhere makes a difference`() {
        for count in 0...40 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) }
            let same = bytes
            let isEqual = bytes.span.equals(same.span)
            #expect(isEqual)
            for place in 0..<count {
                var other = bytes
                other[place] ^= 0x80
                let isOtherEqual = bytes.span.equals(other.span)
                #expect(!isOtherEqual, "byte \(place) of \(count)")
            }
        }
        let letters = Array("io.modelcontextprotocol/protocolVersion".utf8)
        for place in letters.indices {
            var other = letters
            other[place] ^= 0x01
            let isOtherEqual = other.span.equals("io.modelcontextprotocol/protocolVersion")
            #expect(!isOtherEqual, "byte \(place)")
        }
        let isEqual = letters.span.equals("io.modelcontextprotocol/protocolVersion")
        #expect(isEqual)
    }

    @Test func `many pieces are appended at once`() {
        let source = Array("hello".utf8)
        var bytes = Array("> ".utf8)
        bytes.append(addingCapacity: 64) { output in
            output.append("")
            output.append("a ")
            output.append(source.span)
            output.append([UInt8]().span)
            output.append(decimal: 1_024)
        }
        #expect(bytes == Array("> a hello1024".utf8))
    }

    @Test func `pieces never go beyond the capacity that was asked for`() async {
        await #expect(processExitsWith: .failure) {
            var bytes: [UInt8] = []
            bytes.append(addingCapacity: 3) { $0.append("abcd") }
        }
    }

    @Test func `nothing equals nothing`() {
        let nothing: [UInt8] = []
        let isEqual = nothing.span.equals("" as StaticString)
        #expect(isEqual)
        let isFolded = nothing.span.equalsIgnoringASCIICase("")
        #expect(isFolded)
    }

    @Test(arguments: [
        ("content-length", true), ("Content-Length", true), ("CONTENT-LENGTH", true), ("content\rlength", false),
        ("content-lengt", false),
        ("content-lengthx", false), ("content-len\u{212A}h", false),
    ])
    func `only ASCII letters are folded`(text: String, expected: Bool) {
        let bytes = Array(text.utf8)
        let isEqual = bytes.span.equalsIgnoringASCIICase("content-length")
        #expect(isEqual == expected)
    }

    @Test func `the Kelvin sign is not the letter k`() {
        let bytes = Array("\u{212A}".utf8)
        let isEqual = bytes.span.equalsIgnoringASCIICase("k")
        #expect(!isEqual)
    }
}

@Suite struct ASCIITests {
    @Test func `every byte is folded, classed and valued as ASCII says`() {
        for byte in UInt8.min...UInt8.max {
            let isUpper = (0x41...0x5A).contains(byte)
            #expect(ASCII.lowercased(byte) == (isUpper ? byte + 32 : byte))
            #expect(ASCII.isDigit(byte) == (0x30...0x39).contains(byte))
            let expected = byte < 0x80 ? UnicodeScalar(byte).properties.isASCIIHexDigit : false
            #expect((ASCII.hexValue(byte) != nil) == expected)
            if let value = ASCII.hexValue(byte) { #expect(ASCII.hexDigit(value) == ASCII.lowercased(byte)) }
        }
    }
}
