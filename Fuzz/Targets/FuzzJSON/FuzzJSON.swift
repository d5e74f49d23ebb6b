import Base
import FuzzSupport
import Wire

/// The scanner accepts what a plain recursive reading of RFC 8259 accepts, limits aside, and everything that copies, splices or
/// rebuilds an accepted text gives an accepted text of the same meaning on one line.
func fuzzJSON(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe input(start, count)
    checkString(bytes)
    var scanner = JSONScanner()
    let range: ByteRange
    do throws(JSONError) {
        range = try scanner.scanText(bytes.span)
    } catch {
        precondition(error.offset >= 0 && error.offset <= bytes.count, "an error outside of the text")
        precondition(isLimit(error.reason) || !ReferenceJSON.accepts(bytes), "valid JSON was refused")
        return 0
    }
    precondition(ReferenceJSON.accepts(bytes), "invalid JSON was accepted")
    checkLine(bytes, range, needsLineRewrite: scanner.needsLineRewrite)
    checkTree(bytes)
    switch jsonKind(bytes.span, range) {
    case .object: checkObject(bytes, range)
    case .array: checkArray(bytes, range)
    case .string:
        var copy: [UInt8] = []
        copy.appendJSON(string: JSONString.unescape(bytes.span, range).span)
        let whole = accepted(copy)
        precondition(JSONString.unescape(copy.span, whole) == JSONString.unescape(bytes.span, range), "another string")
    case .number:
        if let value = JSONNumber.int64(bytes.span, range) {
            precondition(
                String(value).utf8.elementsEqual([UInt8](bytes.span, range)) || bytes[range.lowerBound] == 0x2D, "another number")
        }
    case .true, .false, .null: break
    }
    return 0
}

func isLimit(_ reason: JSONError.Reason) -> Bool {
    switch reason {
    case .tooDeep, .tooManyNodes, .tooManyMembers, .stringTooLong, .numberTooLong, .textTooLong, .duplicateKey: true
    case .unexpectedEnd, .unexpectedByte, .badLiteral, .badNumber, .badEscape, .loneSurrogate, .badUTF8, .controlCharacter,
        .byteOrderMark, .trailingBytes, .unterminatedComment:
        false
    }
}

/// Scans what our own code wrote.
@discardableResult
func accepted(_ bytes: [UInt8]) -> ByteRange {
    var scanner = JSONScanner(limits: JSONLimits(stringBytesMax: .max))
    do throws(JSONError) {
        let range = try scanner.scanText(bytes.span)
        precondition(!scanner.needsLineRewrite, "our own text is not on one line")
        return range
    } catch {
        preconditionFailure("our own text was refused")
    }
}

/// Any bytes at all become a valid string.
private func checkString(_ bytes: [UInt8]) {
    var text: [UInt8] = []
    text.appendJSON(string: bytes.span)
    let range = accepted(text)
    precondition(range.count == text.count && jsonKind(text.span, range) == .string, "not one string")
    if String(validating: bytes, as: UTF8.self) != nil {
        precondition(JSONString.unescape(text.span, range) == bytes, "another text")
    }
}

private func checkLine(_ bytes: [UInt8], _ range: ByteRange, needsLineRewrite: Bool) {
    var line: [UInt8] = []
    line.appendLine(bytes.span, range)
    precondition(!line.contains(0x0A) && !line.contains(0x0D), "a line end inside a line")
    precondition(needsLineRewrite != line.elementsEqual(bytes[range.range]), "the need for a rewrite was misjudged")
    // The escapes of U+2028 may make a string longer than its limit, and nothing else may be wrong.
    accepted(line)
}

private func checkTree(_ bytes: [UInt8]) {
    do throws(JSONTextError) {
        let tree = try JSONValue.parse(bytes)
        let copy = tree.serialized
        accepted(copy)
        let again = try JSONValue.parse(copy, limits: JSONLimits(stringBytesMax: .max))
        precondition(again == tree, "another tree")
        let lenient = try JSONValue.parse(bytes, allowingCommentsAndTrailingCommas: true)
        precondition(lenient == tree, "leniency changed a strict text")
    } catch {
        precondition(isLimit(error.reason), "the tree builder refused what the scanner accepted")
    }
}

private func checkObject(_ bytes: [UInt8], _ range: ByteRange) {
    var scanner = JSONScanner()
    var members = JSONMembers()
    do throws(JSONError) {
        try scanner.scanObject(bytes.span, at: range, into: &members)
    } catch {
        precondition(isLimit(error.reason), "an object was refused that is valid")
        return
    }
    let hasA = members.value("a", in: bytes.span) != nil
    var output: [UInt8] = []
    JSONObjectSplice.append(
        bytes.span, members, of: range, removing: ["a"], adding: Array(#""a":[1]"#.utf8).span, to: &output)
    let whole = accepted(output)
    var copied = JSONMembers()
    let limits = JSONLimits(stringBytesMax: .max, membersMax: 1_001, recordedKeyBytesMax: .max)
    var wide = JSONScanner(limits: limits)
    do throws(JSONError) {
        try wide.scanObject(output.span, at: whole, into: &copied)
    } catch {
        preconditionFailure("the spliced object was refused")
    }
    precondition(copied.count == members.count + (hasA ? 0 : 1), "members were lost or made")
    precondition(
        copied.value("a", in: output.span).map { [UInt8](output.span, $0) } == Array("[1]".utf8), "the added member is another")
}

private func checkArray(_ bytes: [UInt8], _ range: ByteRange) {
    var scanner = JSONScanner()
    var elements: [ByteRange] = []
    do throws(JSONError) {
        try scanner.scanArray(bytes.span, at: range, elementsMax: 50, into: &elements)
        for element in elements {
            precondition(element.lowerBound > range.lowerBound && element.upperBound < range.upperBound, "an element outside")
            var position = element.lowerBound
            let value = try scanner.scanValue(bytes.span, at: &position)
            precondition(value == element, "another element")
        }
    } catch {
        precondition(isLimit(error.reason), "an array was refused that is valid")
    }
}
