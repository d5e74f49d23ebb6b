import Base
import Linux
import Testing
import WorkerCore

@testable import WorkerEdge

/// What analysts write must pass all layers, on the sample shop.
@Suite struct HonestQueryTests {
    final class Shop {
        let scratch: Scratch
        init() throws {
            self.scratch = try Scratch("shop")
            try SampleDatabase.write(to: bytes(self.scratch.file("shop.db")))
        }
        func lane(_ access: Access = .all) -> Lane { Lane(.single(self.scratch.file("shop.db"), access: access)) }
    }

    static let overViews: [String] = [
        "SELECT * FROM top_products",
        "select product, revenue from TOP_PRODUCTS where units_sold > 100 order by revenue desc limit 5;",
        "  -- best sellers\nSELECT product /* name */ FROM top_products LIMIT 3 ; -- end",
        "SELECT count(*) FROM open_orders",
        "SELECT country, count(*) AS n FROM open_orders GROUP BY country HAVING n > 1 ORDER BY 2 DESC, 1",
        "SELECT month, revenue, sum(revenue) OVER (ORDER BY month) AS running FROM monthly_revenue",
        "SELECT month, revenue - lag(revenue) OVER (ORDER BY month) AS change FROM monthly_revenue",
        """
        WITH best AS (SELECT product_id FROM top_products LIMIT 5) SELECT c.product, c.price FROM product_catalog c JOIN best \
        USING (product_id)
        """,
        "WITH c AS (SELECT category FROM product_catalog) SELECT count(*) FROM c",
        """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12) SELECT i, printf('2024-%02d', i) AS \
        month FROM n
        """,
        "SELECT p.product, t.revenue FROM product_catalog p LEFT JOIN top_products t ON t.product_id = p.product_id",
        "SELECT product FROM product_catalog WHERE product_id IN (SELECT product_id FROM low_stock)",
        "SELECT customer FROM customer_orders co WHERE EXISTS (SELECT 1 FROM open_orders o WHERE o.customer = co.customer)",
        """
        SELECT product, CASE WHEN price < 20 THEN 'low' WHEN price < 100 THEN 'middle' ELSE 'high' END AS class FROM \
        product_catalog
        """,
        "SELECT category FROM product_catalog UNION SELECT category FROM category_sales ORDER BY category",
        "SELECT avg(price), min(price), max(price), total(stock), round(sum(price), 2) FROM product_catalog",
        "SELECT upper(substr(product, 1, 3)) || '-' || product_id AS code FROM product_catalog WHERE product LIKE '%lamp%'",
        "SELECT strftime('%Y', ordered_on) AS year, count(*) FROM order_totals GROUP BY year",
        "SELECT date(ordered_on, '+7 days'), julianday(ordered_on) FROM open_orders LIMIT 1",
        "SELECT json_object('product', product, 'price', price) FROM product_catalog LIMIT 2",
        "SELECT json_group_array(category) FROM category_sales",
        "SELECT j.value FROM json_each('[1,2,3]') AS j",
        "SELECT key, atom FROM json_tree('{\"a\":{\"b\":[1,2]}}') WHERE atom IS NOT NULL",
        "SELECT '{\"a\":5}' ->> '$.a'",
        "SELECT group_concat(category, '; ') FROM category_sales",
        "SELECT DISTINCT country FROM open_orders",
        """
        SELECT coalesce(NULL, 1), nullif(1, 1), iif(1 > 0, 'y', 'n'), typeof(1.5), abs(-3), sign(-2), pi(), sqrt(16), pow(2, \
        10)
        """,
        """
        SELECT trim('  x '), trim('xxyxx', 'x'), replace('aXbX', 'X', '-'), instr('hello', 'l'), printf('%5.2f|%s|%d%%', \
        1.234, 'a', 7)
        """,
        """
        SELECT ntile(4) OVER (ORDER BY price), row_number() OVER w, dense_rank() OVER w FROM product_catalog WINDOW w AS \
        (PARTITION BY category ORDER BY price)
        """,
        "SELECT count(*) FILTER (WHERE stock < 10) AS low, count(*) FROM product_catalog",
        "VALUES (1, 'a'), (2, 'b')",
        "SELECT 1 WHERE 1 = 0",
        "SELECT \"product\", [price], `stock` FROM product_catalog LIMIT 1",
        "SELECT main.top_products.product FROM main.top_products LIMIT 1",
        "SELECT CAST(price AS INTEGER), price COLLATE NOCASE FROM product_catalog LIMIT 1",
        "SELECT x'414243', 9223372036854775807, -1.5e10, NULL, TRUE",
        "SELECT a.product, b.product FROM product_catalog a, product_catalog b WHERE a.product_id < b.product_id LIMIT 5",
        "SELECT product FROM product_catalog WHERE price BETWEEN 10 AND 20 AND product GLOB '[A-M]*' AND stock IS NOT NULL",
        "SELECT likely(price > 1), quote(product), hex(product), unicode('é'), char(233, 8364) FROM product_catalog LIMIT 1",
    ]

    static let overTables: [String] = [
        "SELECT c.name, count(o.id) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.id ORDER BY 2 DESC LIMIT 3",
        "SELECT rowid, name FROM products WHERE rowid = 7",
        "SELECT sum(quantity * unit_price) FROM order_items WHERE order_id IN (SELECT id FROM orders WHERE status = 'delivered')",
        "WITH x AS (SELECT * FROM orders) SELECT count(*) FROM x JOIN order_items i ON i.order_id = x.id",
        "SELECT count(*) FROM customers",
    ]

    @Test func `honest queries over views pass with either access`() throws {
        let shop = try Shop()
        for access in [Access.all, .views] {
            let lane = shop.lane(access)
            for query in Self.overViews {
                let attempt = lane.execute(query, limit: 1_000)
                #expect(!attempt.isRefused, "\(access): \(query): \(attempt.answer)")
            }
            lane.endReads()
        }
    }

    @Test func `tables are for those who may read all`() throws {
        let shop = try Shop()
        let (all, views) = (shop.lane(.all), shop.lane(.views))
        for query in Self.overTables {
            #expect(!all.execute(query).isRefused, "\(query)")
            #expect(views.execute(query).isRefused, "\(query)")
        }
        guard case .unknownView(_, let near)? = views.queryView("customers").failure else { return #expect(Bool(false)) }
        #expect(!near.contains(bytes("customers")) && near.contains(bytes("customer_orders")))
        #expect(all.queryView("customers").rows == 10)
    }

    /// Query, and what the text must hold.
    static let mistakes: [(String, String)] = [
        ("SELECT nme FROM product_catalog", "no column `nme`. Columns of `product_catalog`: `product_id`, `product`"),
        ("SELECT p.nme FROM product_catalog p", "no column `p.nme`"),
        ("SELECT * FROM product_catalogue", "no view or table `product_catalogue`. Available: `product_catalog`"),
        ("SELECT * FROM products; SELECT 1", "Only one statement"),
        ("SELEC 1", "near \"SELEC\": syntax error"),
        ("SELECT * FROM", "incomplete input"),
        ("SELECT 'unclosed", "unrecognized token"),
        ("SELECT foo(1)", "no such function: foo"),
        ("SELECT substr('a')", "wrong number of arguments to function substr()"),
        ("SELECT category, product_id FROM product_catalog a, low_stock b", "ambiguous column name: product_id"),
        ("SELECT sum(count(*)) FROM low_stock", "misuse of aggregate"),
        ("DELETE FROM orders", "Only reading is allowed"),
        ("UPDATE orders SET status = 'x'", "Only reading is allowed"),
        ("INSERT INTO orders VALUES (1)", "Only reading is allowed"),
        ("PRAGMA table_info(orders)", "not allowed here"),
        ("EXPLAIN SELECT 1", "EXPLAIN is not available"),
        ("SELECT * FROM orders WHERE id = ?", "cannot be bound"),
        ("SELECT randomblob(5)", "not available here: `randomblob`"),
        ("SELECT * FROM sqlite_master", "no view or table `sqlite_master`"),
        ("SELECT abs(-9223372036854775808)", "integer overflow"),
        ("SELECT json_extract('{', '$')", "malformed JSON"),
        ("", "The query is empty"),
        ("SELECT \"text\"", "Text values are written in single quotes"),
    ]

    @Test(arguments: HonestQueryTests.mistakes)
    func `a mistake is answered with what helps to correct it`(_ query: String, _ says: String) throws {
        let shop = try Shop()
        let attempt = shop.lane().execute(query)
        withExtendedLifetime(shop) {}
        #expect(attempt.isRefused)
        let unescaped = attempt.answer.split(separator: "\\\"", omittingEmptySubsequences: false).joined(separator: "\"")
        #expect(unescaped.contains(says), "\(attempt.answer)")
        #expect(!attempt.answer.contains("/tmp/"))
    }

    @Test func `the sample database is the same every time`() throws {
        let (first, second) = (try Shop(), try Shop())
        #expect(try first.scratch.contents()["shop.db"] == second.scratch.contents()["shop.db"])
        let lane = first.lane()
        let answer = lane.execute(
            "SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM products), (SELECT count(*) FROM orders)")
        #expect(answer.answer.contains("[[500,120,3000]]"))
        for view in [
            "top_products", "monthly_revenue", "customer_orders", "open_orders", "product_catalog", "category_sales", "low_stock",
        ] {
            #expect(lane.queryView(view, limit: 3).rows == 3, "\(view)")
        }
        #expect(first.scratch.files() == ["shop.db"])
    }
}
