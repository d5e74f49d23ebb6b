/// Tables and views of the sample shop.
enum SampleSchema {
    static let tables: [StaticString] = [
        "CREATE TABLE categories (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
        """
        CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, city TEXT NOT NULL,
          country TEXT NOT NULL, customer_since TEXT NOT NULL)
        """,
        """
        CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, category_id INTEGER NOT NULL REFERENCES categories(id),
          price REAL NOT NULL, stock INTEGER NOT NULL, is_active INTEGER NOT NULL)
        """,
        """
        CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id),
          ordered_on TEXT NOT NULL, status TEXT NOT NULL, shipped_on TEXT)
        """,
        """
        CREATE TABLE order_items (order_id INTEGER NOT NULL REFERENCES orders(id),
          product_id INTEGER NOT NULL REFERENCES products(id),
          quantity INTEGER NOT NULL, unit_price REAL NOT NULL, PRIMARY KEY (order_id, product_id)) WITHOUT ROWID
        """,
    ]

    static let indexesAndViews: [StaticString] = [
        "CREATE INDEX orders_by_customer ON orders(customer_id)",
        "CREATE INDEX orders_by_status ON orders(status)",
        "CREATE INDEX items_by_product ON order_items(product_id)",
        """
        CREATE VIEW product_catalog AS
          SELECT p.id AS product_id, p.name AS product, c.name AS category, p.price, p.stock
          FROM products p JOIN categories c ON c.id = p.category_id WHERE p.is_active ORDER BY p.id
        """,
        """
        CREATE VIEW open_orders AS
          SELECT o.id AS order_id, o.ordered_on, o.status, c.name AS customer, c.country
          FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.status IN ('pending', 'paid') ORDER BY o.id
        """,
        """
        CREATE VIEW order_totals AS
          SELECT o.id AS order_id, o.customer_id, o.ordered_on, o.status, count(*) AS items,
            round(sum(i.quantity * i.unit_price), 2) AS total
          FROM orders o JOIN order_items i ON i.order_id = o.id GROUP BY o.id
        """,
        """
        CREATE VIEW customer_orders AS
          SELECT c.id AS customer_id, c.name AS customer, c.country, count(t.order_id) AS orders,
            round(coalesce(sum(t.total), 0), 2) AS total_spent, max(t.ordered_on) AS last_order
          FROM customers c LEFT JOIN order_totals t ON t.customer_id = c.id AND t.status <> 'cancelled'
          GROUP BY c.id ORDER BY total_spent DESC
        """,
        """
        CREATE VIEW top_products AS
          SELECT p.id AS product_id, p.name AS product, sum(i.quantity) AS units_sold,
            round(sum(i.quantity * i.unit_price), 2) AS revenue
          FROM order_items i JOIN products p ON p.id = i.product_id JOIN orders o ON o.id = i.order_id
          WHERE o.status <> 'cancelled' GROUP BY p.id ORDER BY revenue DESC
        """,
        """
        CREATE VIEW monthly_revenue AS
          SELECT substr(o.ordered_on, 1, 7) AS month, count(DISTINCT o.id) AS orders,
            round(sum(i.quantity * i.unit_price), 2) AS revenue
          FROM orders o JOIN order_items i ON i.order_id = o.id WHERE o.status <> 'cancelled' GROUP BY month ORDER BY month
        """,
        """
        CREATE VIEW category_sales AS
          SELECT c.name AS category, sum(i.quantity) AS units_sold, round(sum(i.quantity * i.unit_price), 2) AS revenue
          FROM order_items i JOIN products p ON p.id = i.product_id JOIN categories c ON c.id = p.category_id
          GROUP BY c.id ORDER BY revenue DESC
        """,
        """
        CREATE VIEW low_stock AS
          SELECT id AS product_id, name AS product, stock FROM products WHERE stock < 10 AND is_active ORDER BY stock, id
        """,
    ]
}
