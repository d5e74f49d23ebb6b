import Base

/// Names one event of one stream of a session. On the wire `<stream>-<sequence>` in base 36, lower case, without leading zeros.
///
/// Ids are only asked for together with their session's id, which cannot be guessed, so they may be plain numbers.
struct EventID: Hashable, Sendable {
    /// From 1, never used twice in a session.
    let stream: UInt64
    /// From 1, rising within the stream. Not without gaps: an event that only carries an id takes one, too.
    let sequence: UInt64

    /// What `text` must be: exactly what `append(to:)` writes.
    init(_ text: Span<UInt8>) throws(ReplayRefusal) {
        var position = 0
        guard let stream = Self.number(text, &position), position < text.count, text[position] == 0x2D else { throw .malformed }
        position += 1
        guard let sequence = Self.number(text, &position), position == text.count else { throw .malformed }
        self.init(stream: stream, sequence: sequence)
    }

    init(stream: UInt64, sequence: UInt64) {
        self.stream = stream
        self.sequence = sequence
    }

    func append(to output: inout [UInt8]) {
        Self.append(self.stream, to: &output)
        output.append(0x2D)
        Self.append(self.sequence, to: &output)
    }

    /// A number of at most 64 bits that does not begin with a zero; `position` moves past it.
    private static func number(_ text: Span<UInt8>, _ position: inout Int) -> UInt64? {
        guard position < text.count, text[position] != 0x30 else { return nil }
        let start = position
        var value: UInt64 = 0
        while position < text.count {  // Bound: 14 digits; with the fourteenth the value overflows.
            let digit: UInt8
            switch text[position] {
            case 0x30...0x39: digit = text[position] - 0x30
            case 0x61...0x7A: digit = text[position] - 0x61 + 10
            default: return position > start ? value : nil
            }
            let (product, overflow) = value.multipliedReportingOverflow(by: 36)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
            guard !overflow, !carry else { return nil }
            value = sum
            position += 1
        }
        return position > start ? value : nil
    }

    private static func append(_ value: UInt64, to output: inout [UInt8]) {
        var digits = InlineArray<13, UInt8>(repeating: 0)
        var first = 13
        var rest = value
        repeat {  // Bound: 13 digits.
            first -= 1
            let digit = UInt8(truncatingIfNeeded: rest % 36)
            digits[first] = digit < 10 ? 0x30 + digit : 0x61 + digit - 10
            rest /= 36
        } while rest > 0
        output.append(digits.span.extracting(first..<13))
    }
}

/// Why a stream cannot be resumed. All are answered with 400: 404 would tell the client that its session is gone.
enum ReplayRefusal: Error, Equatable, Hashable, Sendable, CaseIterable {
    /// No event id.
    case malformed
    /// Never given out in this session, or its stream ended and was forgotten.
    case unknown
    /// Events after it were dropped. Going on would skip them without a word.
    case evicted

    /// For the body of the answer.
    var reason: StaticString {
        switch self {
        case .malformed: "Last-Event-ID is malformed"
        case .unknown: "Last-Event-ID is not known in this session"
        case .evicted: "events after Last-Event-ID are no longer kept"
        }
    }
}
