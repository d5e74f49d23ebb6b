import Base
import Testing

@testable import Wire

@Suite struct UTF8ProgressTests {
    /// True and complete, true and incomplete, or false, for `bytes` cut at `cut`.
    private func verdict(_ bytes: [UInt8], cut: Int = 0) -> Bool? {
        var progress = UTF8Progress()
        guard progress.pass(bytes.span, 0..<cut), progress.pass(bytes.span, cut..<bytes.count) else { return nil }
        return progress.isComplete
    }

    @Test func `every sequence of two bytes is judged as by the standard library`() {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                let bytes = [first, second]
                #expect((self.verdict(bytes) == true) == (String(validating: bytes, as: UTF8.self) != nil))
                #expect(self.verdict(bytes, cut: 1) == self.verdict(bytes))
            }
        }
    }

    @Test func `every second byte of a long character is judged as by the standard library, before the rest comes`() {
        for first in UInt8(0xE0)...0xFF {
            for second in UInt8.min...UInt8.max {
                let tail = [UInt8](repeating: 0x80, count: first >= 0xF0 ? 2 : 1)
                let isValid = String(validating: [first, second] + tail, as: UTF8.self) != nil
                #expect(self.verdict([first, second] + tail) == (isValid ? true : nil))
                #expect(self.verdict([first, second]) == (isValid ? false : nil), "told late or too early")
            }
        }
    }

    @Test(arguments: [0x80, 0x7FF, 0x800, 0xFFFF, 0x1_0000, 0x10_FFFF, 0x20AC, 0x1F600])
    func `a character may be cut anywhere, at any offset`(value: Int) throws {
        let scalar = try #require(UInt32(exactly: value).flatMap { Unicode.Scalar($0) })
        for offset in 0..<20 {
            let bytes = [UInt8](repeating: 0x61, count: offset) + Array(String(Character(scalar)).utf8) + [0x62]
            for cut in 0...bytes.count { #expect(self.verdict(bytes, cut: cut) == true) }
            #expect(self.verdict(bytes.dropLast(2)) == false)
        }
    }

    @Test func `a wrong byte is found at every offset`() {
        for offset in 0..<40 {
            var bytes = [UInt8](repeating: 0x61, count: 40)
            bytes[offset] = 0xFF
            for cut in 0...40 { #expect(self.verdict(bytes, cut: cut) == nil) }
        }
    }
}
