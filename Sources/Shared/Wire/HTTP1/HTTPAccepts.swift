/// The media types among those we can answer with that an `Accept` allows, wildcards and weights considered (RFC 9110 12.5.1).
public struct HTTPAccepts: OptionSet, Equatable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `application/json`
    public static let json = Self(rawValue: 1)
    /// `text/event-stream`
    public static let eventStream = Self(rawValue: 2)
}

/// Joins the `Accept` lines of one request. For each type the most specific range decides; of equally specific ones, the kindest.
/// A malformed element is passed over: `Accept` frames nothing, and a client gains nothing by it.
struct HTTPAcceptList: Sendable {
    private enum Specificity: UInt8 {
        case none, any, type, exact
    }

    private struct Verdict: Sendable {
        var specificity = Specificity.none
        var isAccepted = false

        mutating func consider(_ specificity: Specificity, isAccepted: Bool) {
            if specificity.rawValue > self.specificity.rawValue {
                self.specificity = specificity
                self.isAccepted = isAccepted
            } else if specificity == self.specificity {
                self.isAccepted = self.isAccepted || isAccepted
            }
        }
    }

    private var json = Verdict()
    private var eventStream = Verdict()

    var accepts: HTTPAccepts {
        var accepts: HTTPAccepts = []
        if self.json.isAccepted { accepts.insert(.json) }
        if self.eventStream.isAccepted { accepts.insert(.eventStream) }
        return accepts
    }

    /// Adds the elements of one field line.
    mutating func add(_ bytes: Span<UInt8>, _ value: Range<Int>) {
        // What every MCP client sends.
        if value.count == 35, bytes.matchesFolded("application/json, text/event-stream", at: value.lowerBound) {
            self.json.consider(.exact, isAccepted: true)
            self.eventStream.consider(.exact, isAccepted: true)
            return
        }
        var position = value.lowerBound
        while position < value.upperBound {  // Bound: the length of one field.
            let end = Self.end(of: 0x2C, bytes, position..<value.upperBound)
            self.addElement(bytes, bytes.trimmed(position..<end))
            position = end + 1
        }
    }

    private mutating func addElement(_ bytes: Span<UInt8>, _ element: Range<Int>) {
        let semicolon = bytes.first(0x3B, in: element)
        let type = bytes.trimmed(element.lowerBound..<semicolon)
        guard let isAccepted = Self.isAccepted(bytes, semicolon..<element.upperBound) else { return }
        switch type.count {
        case 3 where bytes.matches("*/*", at: type.lowerBound):
            self.json.consider(.any, isAccepted: isAccepted)
            self.eventStream.consider(.any, isAccepted: isAccepted)
        case 6 where Self.isTypeWildcard(bytes, type, "text/"):
            self.eventStream.consider(.type, isAccepted: isAccepted)
        case 13 where Self.isTypeWildcard(bytes, type, "application/"):
            self.json.consider(.type, isAccepted: isAccepted)
        case 16 where bytes.matchesFolded("application/json", at: type.lowerBound):
            self.json.consider(.exact, isAccepted: isAccepted)
        case 17 where bytes.matchesFolded("text/event-stream", at: type.lowerBound):
            self.eventStream.consider(.exact, isAccepted: isAccepted)
        default: break
        }
    }

    private static func isTypeWildcard(_ bytes: Span<UInt8>, _ range: Range<Int>, _ type: StaticString) -> Bool {
        bytes.matchesFolded(type, at: range.lowerBound) && bytes[range.upperBound - 1] == 0x2A
    }

    /// Whether the parameters in `range` (each with its semicolon in front) leave a weight above zero; nil if a weight is
    /// malformed.
    /// Parameters other than the weight are not looked at.
    private static func isAccepted(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool? {
        var position = range.lowerBound
        while position < range.upperBound {  // Bound: the length of one field.
            let end = Self.end(of: 0x3B, bytes, position + 1..<range.upperBound)
            let parameter = bytes.trimmed(position + 1..<end)
            if parameter.count >= 2, bytes[parameter.lowerBound] | 0x20 == 0x71, bytes[parameter.lowerBound + 1] == 0x3D {
                return Self.isPositiveWeight(bytes, parameter.lowerBound + 2..<parameter.upperBound)
            }
            position = end
        }
        return true
    }

    /// `qvalue` of RFC 9110 12.4.2: `0` or `1`, and up to three decimals that for `1` are zeros. Nil if it is none.
    private static func isPositiveWeight(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool? {
        guard (1...5).contains(range.count), range.count != 2 || bytes[range.lowerBound + 1] == 0x2E else { return nil }
        let whole = bytes[range.lowerBound]
        guard whole == 0x30 || whole == 0x31 else { return nil }
        guard range.count > 1 else { return whole == 0x31 }
        guard bytes[range.lowerBound + 1] == 0x2E else { return nil }
        var isZero = true
        for index in range.lowerBound + 2..<range.upperBound {
            guard bytes[index] >= 0x30, bytes[index] <= 0x39 else { return nil }
            if bytes[index] != 0x30 { isZero = false }
        }
        if whole == 0x31 { return isZero ? true : nil }
        return !isZero
    }

    /// The first `delimiter` in `range` that is outside a quoted string, or the end of the range.
    private static func end(of delimiter: UInt8, _ bytes: Span<UInt8>, _ range: Range<Int>) -> Int {
        var isQuoted = false
        var index = range.lowerBound
        while index < range.upperBound {
            switch bytes[index] {
            case 0x22: isQuoted.toggle()
            case 0x5C where isQuoted: index += 1
            case delimiter where !isQuoted: return index
            default: break
            }
            index += 1
        }
        return range.upperBound
    }
}
