import Base

/// What happened, one line a transition. Keeps the last ones for a report and folds all of them, and all bytes that were moved,
/// into one number: two runs of a seed are the same run if and only if it is the same.
final class Trace {
    struct Transition {
        let at: Instant
        let what: StaticString
        let first: Int
        let second: Int
        let text: String
    }

    static let keptMax = 50

    private var kept: [Transition] = []
    private var next = 0
    private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    private(set) var count = 0
    /// Told every line as it happens.
    private let listener: ((String) -> Void)?

    init(listener: ((String) -> Void)?) { self.listener = listener }

    var isVerbose: Bool { self.listener != nil }

    /// `text` is only made where somebody listens.
    func add(_ what: StaticString, at now: Instant, _ first: Int = -1, _ second: Int = -1, _ text: @autoclosure () -> String = "")
    {
        self.count += 1
        for byte in [UInt8](what) { self.mix(UInt64(byte)) }
        self.mix(UInt64(bitPattern: now.nanoseconds))
        self.mix(UInt64(bitPattern: Int64(first)))
        self.mix(UInt64(bitPattern: Int64(second)))
        let transition = Transition(at: now, what: what, first: first, second: second, text: self.isVerbose ? text() : "")
        if self.kept.count < Self.keptMax {
            self.kept.append(transition)
        } else {
            self.kept[self.next] = transition
            self.next = (self.next + 1) % Self.keptMax
        }
        self.listener?(Self.line(transition))
    }

    func mix(_ bytes: Span<UInt8>) {
        for index in bytes.indices { self.mix(UInt64(bytes[index])) }
    }

    private func mix(_ word: UInt64) { self.hash = (self.hash ^ word) &* 0x0000_0100_0000_01B3 }

    /// Oldest first.
    var lines: [String] { (self.kept[self.next...] + self.kept[..<self.next]).map(Self.line) }

    private static func line(_ transition: Transition) -> String {
        let microseconds = transition.at.nanoseconds / 1_000
        let fraction = String(microseconds % 1_000_000)
        let time = "\(microseconds / 1_000_000)." + String(repeating: "0", count: 6 - fraction.utf8.count) + fraction
        var line = String(repeating: " ", count: Swift.max(0, 14 - time.utf8.count)) + time + "  \(transition.what)"
        line += String(repeating: " ", count: Swift.max(1, 12 - transition.what.utf8CodeUnitCount))
        if transition.first >= 0 { line += " \(transition.first)" }
        if transition.second >= 0 { line += " \(transition.second)" }
        if !transition.text.isEmpty { line += "  \(transition.text)" }
        return line
    }
}
