import Base

/// The grammar of a `Host` value: `uri-host [ ":" port ]` (RFC 9110 7.2, RFC 3986 3.2.2), narrowed where two readings are
/// possible: not empty, no comma, a port has one to five digits, no `IPvFuture` and no zone.
enum HTTPHost {
    static func isValid(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard !range.isEmpty else { return false }
        var index = range.lowerBound
        if bytes[index] == 0x5B {
            let close = bytes.first(0x5D, in: range)
            guard close < range.upperBound, Self.isIPv6(bytes, index + 1..<close) else { return false }
            index = close + 1
        } else {
            while index &+ 8 <= range.upperBound, HTTPByte.areNameBytes(bytes.word(at: index)) { index &+= 8 }
            while index < range.upperBound, bytes[index] != HTTPByte.colon {
                if HTTPByte.hostCharacter.contains(bytes[index]) {
                    index &+= 1
                } else {
                    guard Self.isEscape(bytes, index, end: range.upperBound) else { return false }
                    index &+= 3
                }
            }
            guard index > range.lowerBound else { return false }
        }
        guard index < range.upperBound else { return true }
        guard bytes[index] == HTTPByte.colon else { return false }
        return Self.isPort(bytes, index + 1..<range.upperBound)
    }

    /// Whether `%` and two hexadecimal digits are at `index`, before `end`.
    static func isEscape(_ bytes: Span<UInt8>, _ index: Int, end: Int) -> Bool {
        end - index >= 3 && bytes[index] == 0x25 && ASCII.hexValue(bytes[index + 1]) != nil
            && ASCII.hexValue(bytes[index + 2]) != nil
    }

    private static func isPort(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard (1...5).contains(range.count) else { return false }
        var port = 0
        for index in range {
            guard ASCII.isDigit(bytes[index]) else { return false }
            port = port * 10 + Int(bytes[index] - 0x30)
        }
        return port <= 65_535
    }

    /// `IPv6address` of RFC 3986 3.2.2: eight groups, or fewer around one `::`, the last two perhaps as an IPv4 address.
    static func isIPv6(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard (2...45).contains(range.count) else { return false }
        var groups = 0
        var isCompressed = false
        var index = range.lowerBound
        if bytes[index] == HTTPByte.colon {
            guard bytes[index + 1] == HTTPByte.colon else { return false }
            isCompressed = true
            index += 2
        }
        while index < range.upperBound {  // Bound: 45 bytes.
            let start = index
            while index < range.upperBound, ASCII.hexValue(bytes[index]) != nil { index += 1 }
            if index < range.upperBound, bytes[index] == 0x2E {
                guard Self.isIPv4(bytes, start..<range.upperBound) else { return false }
                groups += 2
                break
            }
            guard (1...4).contains(index - start) else { return false }
            groups += 1
            guard index < range.upperBound else { break }
            guard bytes[index] == HTTPByte.colon, index + 1 < range.upperBound else { return false }
            index += 1
            if bytes[index] == HTTPByte.colon {
                guard !isCompressed else { return false }
                isCompressed = true
                index += 1
            }
        }
        return isCompressed ? groups <= 7 : groups == 8
    }

    /// Four decimal numbers up to 255 without leading zeros.
    private static func isIPv4(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard range.count <= 15 else { return false }
        var numbers = 0
        var start = range.lowerBound
        while numbers < 4 {
            let end = numbers < 3 ? bytes.first(0x2E, in: start..<range.upperBound) : range.upperBound
            guard (1...3).contains(end - start), end == range.upperBound || numbers < 3 else { return false }
            guard end - start == 1 || bytes[start] != 0x30 else { return false }
            var number = 0
            for index in start..<end {
                guard ASCII.isDigit(bytes[index]) else { return false }
                number = number * 10 + Int(bytes[index] - 0x30)
            }
            guard number <= 255 else { return false }
            numbers += 1
            guard numbers < 4 else { return true }
            guard end < range.upperBound else { return false }
            start = end + 1
        }
        return true
    }
}
