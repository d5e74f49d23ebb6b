import Base
import Testing

@Suite struct Base64URLTests {
    @Test(arguments: [
        ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy"),
        ("???>>>", "Pz8_Pj4-"),
    ])
    func `bytes and their text stand for each other`(bytes: String, text: String) {
        var output: [UInt8] = []
        Base64URL.append([UInt8](bytes.utf8).span, to: &output)
        #expect(String(decoding: output, as: UTF8.self) == text)
        #expect(Base64URL.decode([UInt8](text.utf8).span) == [UInt8](bytes.utf8))
    }

    @Test(arguments: ["Z", "Zg==", "Zm8=", "Zh", "Zm9", "Zm9vY", "Zm+v", "Zm/v", "Zm9v\n", " Zm9v", "Zm9vYé"])
    func `a text with padding, foreign bytes or unused bits is refused`(text: String) {
        #expect(Base64URL.decode([UInt8](text.utf8).span) == nil)
    }

    @Test func `every length and byte survives the way there and back`() {
        var generator = PRNG(seed: 7)
        for count in 0..<300 {
            let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            var text: [UInt8] = []
            Base64URL.append(bytes.span, to: &text)
            #expect(Base64URL.decode(text.span) == bytes)
        }
    }
}
