import Base
import Testing

@testable import SupervisorCore

@Suite struct EventIDTests {
    private func text(_ id: EventID) -> String {
        var output: [UInt8] = []
        id.append(to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    private static let pairs: [(EventID, String)] = [
        (EventID(stream: 1, sequence: 1), "1-1"), (EventID(stream: 35, sequence: 36), "z-10"),
        (EventID(stream: 1_295, sequence: 46_655), "zz-zzz"),
        (EventID(stream: .max, sequence: .max), "3w5e11264sgsf-3w5e11264sgsf"),
    ]

    @Test(arguments: pairs) func `an id is written in base 36 and read back`(id: EventID, written: String) throws {
        #expect(self.text(id) == written)
        #expect(try EventID(Array(written.utf8).span) == id)
    }

    @Test(arguments: [
        "", "-", "1", "1-", "-1", "0-1", "1-0", "01-1", "1-01", "1-1 ", " 1-1", "1--1", "1-1-1", "A-1", "1-Z", "1_1", "1.1",
        "+1-1", "1-+1",
        "3w5e11264sgsg-1", "1-3w5e11264sgsg", "10000000000000-1", "1-zzzzzzzzzzzzzzzzzzzzzz", "é-1", "1-1\u{0}", "1-1\n",
    ])
    func `what is not written by us is malformed`(text: String) {
        #expect(throws: ReplayRefusal.malformed) { try EventID(Array(text.utf8).span) }
    }

    @Test(arguments: 0..<200 as Range<UInt64>) func `every pair of numbers is read back`(seed: UInt64) throws {
        var random = PRNG(seed: seed)
        let id = EventID(
            stream: Swift.max(1, random.next() >> UInt64(random.below(64))),
            sequence: Swift.max(1, random.next() >> UInt64(random.below(64))))
        #expect(self.text(id) == String(id.stream, radix: 36) + "-" + String(id.sequence, radix: 36))
        #expect(try EventID(Array(self.text(id).utf8).span) == id)
    }

    @Test(arguments: ReplayRefusal.allCases) func `each refusal has a reason`(refusal: ReplayRefusal) {
        #expect(refusal.reason.utf8CodeUnitCount > 10)
    }
}
