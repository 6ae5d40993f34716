BEGIN TRANSACTION;
CREATE TABLE attempts (
    client_order_id   TEXT PRIMARY KEY,     -- what the exchange knows it by
    order_id          TEXT NOT NULL,
    number            INTEGER NOT NULL,     -- from 1
    state             TEXT NOT NULL CHECK (state = 'in_flight' OR state = 'placed' OR state = 'refused' OR state = 'unknown' OR state = 'not_sent'),
    price             TEXT,                 -- as sent
    started_ms        INTEGER NOT NULL,     -- when it was decided and made durable, before any byte was sent
    answered_ms       INTEGER,
    code              TEXT,                 -- the exchange's code, or our word for a failure to connect
    message           TEXT,
    exchange_order_id TEXT,
    asked             TEXT,                 -- the request without its signature
    answered          TEXT                  -- the raw answer, bounded
) STRICT, WITHOUT ROWID;
INSERT INTO "attempts" VALUES('01M8MJDKHP3860C81HEJTRVAHN-1','01M8MJDKHP3860C81HEJTRVAHN',1,'placed',NULL,1795986738742,1795986738745,NULL,NULL,'C02__342252993005723000001','POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M8MJDKHP3860C81HEJTRVAHN-1&recvWindow=1000&timestamp=1795986738744','HTTP 200 {"symbol":"BTCUSDT","orderId":"C02__342252993005723000001","orderListId":-1,"price":"99759.97","origQty":"0.00025","type":"MARKET","side":"BUY","transactTime":1795986738743}');
INSERT INTO "attempts" VALUES('01M8MJDKJ901ZT9YGY1VTF5H2C-1','01M8MJDKJ901ZT9YGY1VTF5H2C',1,'placed','50000',1795986738761,1795986738771,NULL,NULL,'C02__342252993005723000002','POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.001&price=50000&newClientOrderId=01M8MJDKJ901ZT9YGY1VTF5H2C-1&recvWindow=1000&timestamp=1795986738769','HTTP 200 {"symbol":"BTCUSDT","orderId":"C02__342252993005723000002","orderListId":-1,"price":"50000","origQty":"0.001","type":"LIMIT","side":"BUY","transactTime":1795986738770}');
INSERT INTO "attempts" VALUES('01M8MJDKK32A3VDPC5GT9X9C35-1','01M8MJDKK32A3VDPC5GT9X9C35',1,'refused',NULL,1795986738787,1795986738795,'30004','Insufficient position',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M8MJDKK32A3VDPC5GT9X9C35-1&recvWindow=1000&timestamp=1795986738793','HTTP 400 {"msg":"Insufficient position","code":30004}');
INSERT INTO "attempts" VALUES('01M8MJDKKHWZTCQMEG1S84ZEGE-1','01M8MJDKKHWZTCQMEG1S84ZEGE',1,'refused',NULL,1795986738801,1795986738812,'30002','The minimum transaction volume cannot be less than:',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M8MJDKKHWZTCQMEG1S84ZEGE-1&recvWindow=1000&timestamp=1795986738809','HTTP 400 {"msg":"The minimum transaction volume cannot be less than:","code":30002}');
INSERT INTO "attempts" VALUES('01M8MJDKM7W8PYP9GPZ0SYC4GS-1','01M8MJDKM7W8PYP9GPZ0SYC4GS',1,'unknown',NULL,1795986738823,1795986738825,NULL,'ServerDisconnectedError: Server disconnected',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M8MJDKM7W8PYP9GPZ0SYC4GS-1&recvWindow=1000&timestamp=1795986738826','');
INSERT INTO "attempts" VALUES('01M8MJDR3XNT55630A2W8EFKZ2-1','01M8MJDR3XNT55630A2W8EFKZ2',1,'unknown',NULL,1795986743421,1795986743424,NULL,'ServerDisconnectedError: Server disconnected',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M8MJDR3XNT55630A2W8EFKZ2-1&recvWindow=1000&timestamp=1795986743425','');
CREATE TABLE events (
    event_id          INTEGER PRIMARY KEY,  -- order of writing
    at_ms             INTEGER NOT NULL,
    name              TEXT NOT NULL,        -- dotted, as in the log
    actor             TEXT NOT NULL,        -- who caused it
    order_id          TEXT,
    lock_id           TEXT,
    resource          TEXT,
    client_order_id   TEXT,
    state             TEXT,                 -- the order's, after the event
    detail            TEXT NOT NULL         -- JSON object
) STRICT;
INSERT INTO "events" VALUES(1,1795986738742,'order.accepted','uid:0','01M8MJDKHP3860C81HEJTRVAHN',NULL,'trade:BTCUSDT:BUY:target-19131-1',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-19131-1","key":"target:target-19131-1","priority":5,"deadline_ms":1795986743742,"execute_at_ms":null}');
INSERT INTO "events" VALUES(2,1795986738742,'order.sent','daemon','01M8MJDKHP3860C81HEJTRVAHN','lock-1','trade:BTCUSDT:BUY:target-19131-1','01M8MJDKHP3860C81HEJTRVAHN-1','in_flight','{"attempt":1,"token":1,"waited_ms":0}');
INSERT INTO "events" VALUES(3,1795986738745,'order.placed','daemon','01M8MJDKHP3860C81HEJTRVAHN','lock-1','trade:BTCUSDT:BUY:target-19131-1','01M8MJDKHP3860C81HEJTRVAHN-1','open','{"exchange_order_id":"C02__342252993005723000001","took_ms":3}');
INSERT INTO "events" VALUES(4,1795986738755,'order.looked','daemon','01M8MJDKHP3860C81HEJTRVAHN','lock-1','trade:BTCUSDT:BUY:target-19131-1','01M8MJDKHP3860C81HEJTRVAHN-1','open','{"witness":"order_id","asked":"GET /api/v3/order?symbol=BTCUSDT&orderId=C02__342252993005723000001&recvWindow=1000&timestamp=1795986738753","answered":"HTTP 200 {\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"clientOrderId\":\"01M8MJDKHP3860C81HEJTRVAHN-1\",\"price\":\"99759.97\",\"origQty\":\"0.00025\",\"executedQty\":\"0.00025\",\"cummulativeQuoteQty\":\"23.752375\",\"status\":\"FILLED\",\"timeInForce\":null,\"type\":\"MARKET\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795986738000,\"updateTime\":1795986738000,\"isWorking\":true,\"origQuoteOrderQty\":\"24.9399925\",\"stpMode\":\"\",\"cancelReason\":null} (1 shown)","failed":false,"found":true}');
INSERT INTO "events" VALUES(5,1795986738755,'order.seen','daemon','01M8MJDKHP3860C81HEJTRVAHN','lock-1','trade:BTCUSDT:BUY:target-19131-1','01M8MJDKHP3860C81HEJTRVAHN-1','filled','{"exchange_order_id":"C02__342252993005723000001","executed_quantity":"0.00025","executed_quote":"23.752375","was":"open"}');
INSERT INTO "events" VALUES(6,1795986738761,'order.accepted','uid:0','01M8MJDKJ901ZT9YGY1VTF5H2C',NULL,'trade:BTCUSDT:BUY:target-19131-2',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","quantity":"0.001","quote_quantity":null,"price":"50000","owner_id":"bot","target_id":"target-19131-2","key":"target:target-19131-2","priority":5,"deadline_ms":1795986743761,"execute_at_ms":null}');
INSERT INTO "events" VALUES(7,1795986738761,'order.sent','daemon','01M8MJDKJ901ZT9YGY1VTF5H2C','lock-2','trade:BTCUSDT:BUY:target-19131-2','01M8MJDKJ901ZT9YGY1VTF5H2C-1','in_flight','{"attempt":1,"token":2,"waited_ms":0}');
INSERT INTO "events" VALUES(8,1795986738771,'order.placed','daemon','01M8MJDKJ901ZT9YGY1VTF5H2C','lock-2','trade:BTCUSDT:BUY:target-19131-2','01M8MJDKJ901ZT9YGY1VTF5H2C-1','open','{"exchange_order_id":"C02__342252993005723000002","took_ms":10}');
INSERT INTO "events" VALUES(9,1795986738779,'order.looked','daemon','01M8MJDKJ901ZT9YGY1VTF5H2C','lock-2','trade:BTCUSDT:BUY:target-19131-2','01M8MJDKJ901ZT9YGY1VTF5H2C-1','open','{"witness":"order_id","asked":"GET /api/v3/order?symbol=BTCUSDT&orderId=C02__342252993005723000002&recvWindow=1000&timestamp=1795986738777","answered":"HTTP 200 {\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M8MJDKJ901ZT9YGY1VTF5H2C-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795986738000,\"updateTime\":1795986738000,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null} (1 shown)","failed":false,"found":true}');
INSERT INTO "events" VALUES(10,1795986738779,'order.seen','daemon','01M8MJDKJ901ZT9YGY1VTF5H2C','lock-2','trade:BTCUSDT:BUY:target-19131-2','01M8MJDKJ901ZT9YGY1VTF5H2C-1','open','{"exchange_order_id":"C02__342252993005723000002","executed_quantity":"0","executed_quote":"0","was":"open"}');
INSERT INTO "events" VALUES(11,1795986738787,'order.accepted','uid:0','01M8MJDKK32A3VDPC5GT9X9C35',NULL,'trade:BTCUSDT:BUY:target-19131-3',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-19131-3","key":"target:target-19131-3","priority":5,"deadline_ms":1795986743787,"execute_at_ms":null}');
INSERT INTO "events" VALUES(12,1795986738787,'order.sent','daemon','01M8MJDKK32A3VDPC5GT9X9C35','lock-3','trade:BTCUSDT:BUY:target-19131-3','01M8MJDKK32A3VDPC5GT9X9C35-1','in_flight','{"attempt":1,"token":3,"waited_ms":0}');
INSERT INTO "events" VALUES(13,1795986738795,'order.rejected','daemon','01M8MJDKK32A3VDPC5GT9X9C35','lock-3','trade:BTCUSDT:BUY:target-19131-3','01M8MJDKK32A3VDPC5GT9X9C35-1','rejected','{"reason":"refused (30004): Insufficient position"}');
INSERT INTO "events" VALUES(14,1795986738801,'order.accepted','uid:0','01M8MJDKKHWZTCQMEG1S84ZEGE',NULL,'trade:BTCUSDT:BUY:target-19131-4',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-19131-4","key":"target:target-19131-4","priority":5,"deadline_ms":1795986743801,"execute_at_ms":null}');
INSERT INTO "events" VALUES(15,1795986738801,'order.sent','daemon','01M8MJDKKHWZTCQMEG1S84ZEGE','lock-4','trade:BTCUSDT:BUY:target-19131-4','01M8MJDKKHWZTCQMEG1S84ZEGE-1','in_flight','{"attempt":1,"token":4,"waited_ms":0}');
INSERT INTO "events" VALUES(16,1795986738812,'order.dead_letter','daemon','01M8MJDKKHWZTCQMEG1S84ZEGE','lock-4','trade:BTCUSDT:BUY:target-19131-4','01M8MJDKKHWZTCQMEG1S84ZEGE-1','dead_letter','{"reason":"refused (30002): The minimum transaction volume cannot be less than:"}');
INSERT INTO "events" VALUES(17,1795986738823,'order.accepted','uid:0','01M8MJDKM7W8PYP9GPZ0SYC4GS',NULL,'trade:BTCUSDT:BUY:target-19131-5',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-19131-5","key":"target:target-19131-5","priority":5,"deadline_ms":1795986743823,"execute_at_ms":null}');
INSERT INTO "events" VALUES(18,1795986738823,'order.sent','daemon','01M8MJDKM7W8PYP9GPZ0SYC4GS','lock-5','trade:BTCUSDT:BUY:target-19131-5','01M8MJDKM7W8PYP9GPZ0SYC4GS-1','in_flight','{"attempt":1,"token":5,"waited_ms":0}');
INSERT INTO "events" VALUES(19,1795986738825,'order.in_doubt','daemon','01M8MJDKM7W8PYP9GPZ0SYC4GS','lock-5','trade:BTCUSDT:BUY:target-19131-5','01M8MJDKM7W8PYP9GPZ0SYC4GS-1','in_doubt','{"reason":"ServerDisconnectedError: Server disconnected"}');
INSERT INTO "events" VALUES(20,1795986738828,'order.looked','daemon','01M8MJDKM7W8PYP9GPZ0SYC4GS','lock-5','trade:BTCUSDT:BUY:target-19131-5','01M8MJDKM7W8PYP9GPZ0SYC4GS-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MJDKM7W8PYP9GPZ0SYC4GS-1&recvWindow=1000&timestamp=1795986738829","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(21,1795986738849,'order.looked','daemon','01M8MJDKM7W8PYP9GPZ0SYC4GS','lock-5','trade:BTCUSDT:BUY:target-19131-5','01M8MJDKM7W8PYP9GPZ0SYC4GS-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MJDKM7W8PYP9GPZ0SYC4GS-1&recvWindow=1000&timestamp=1795986738850","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(22,1795986738892,'order.looked','daemon','01M8MJDKM7W8PYP9GPZ0SYC4GS','lock-5','trade:BTCUSDT:BUY:target-19131-5','01M8MJDKM7W8PYP9GPZ0SYC4GS-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MJDKM7W8PYP9GPZ0SYC4GS-1&recvWindow=1000&timestamp=1795986738893","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(23,1795986738974,'order.looked','daemon','01M8MJDKM7W8PYP9GPZ0SYC4GS','lock-5','trade:BTCUSDT:BUY:target-19131-5','01M8MJDKM7W8PYP9GPZ0SYC4GS-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MJDKM7W8PYP9GPZ0SYC4GS-1&recvWindow=1000&timestamp=1795986738975","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(24,1795986739139,'order.looked','daemon','01M8MJDKM7W8PYP9GPZ0SYC4GS','lock-5','trade:BTCUSDT:BUY:target-19131-5','01M8MJDKM7W8PYP9GPZ0SYC4GS-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MJDKM7W8PYP9GPZ0SYC4GS-1&recvWindow=1000&timestamp=1795986739136","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(25,1795986739461,'order.looked','daemon','01M8MJDKM7W8PYP9GPZ0SYC4GS','lock-5','trade:BTCUSDT:BUY:target-19131-5','01M8MJDKM7W8PYP9GPZ0SYC4GS-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MJDKM7W8PYP9GPZ0SYC4GS-1&recvWindow=1000&timestamp=1795986739462","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(26,1795986740103,'order.looked','daemon','01M8MJDKM7W8PYP9GPZ0SYC4GS','lock-5','trade:BTCUSDT:BUY:target-19131-5','01M8MJDKM7W8PYP9GPZ0SYC4GS-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MJDKM7W8PYP9GPZ0SYC4GS-1&recvWindow=1000&timestamp=1795986740104","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(27,1795986740825,'order.looked','daemon','01M8MJDKM7W8PYP9GPZ0SYC4GS','lock-5','trade:BTCUSDT:BUY:target-19131-5','01M8MJDKM7W8PYP9GPZ0SYC4GS-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MJDKM7W8PYP9GPZ0SYC4GS-1&recvWindow=1000&timestamp=1795986740825","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(28,1795986740826,'order.looked','daemon','01M8MJDKM7W8PYP9GPZ0SYC4GS','lock-5','trade:BTCUSDT:BUY:target-19131-5','01M8MJDKM7W8PYP9GPZ0SYC4GS-1','in_doubt','{"witness":"open_orders","asked":"GET /api/v3/openOrders?symbol=BTCUSDT&recvWindow=1000&timestamp=1795986740827","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M8MJDKJ901ZT9YGY1VTF5H2C-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795986738770,\"updateTime\":null,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(29,1795986740827,'order.looked','daemon','01M8MJDKM7W8PYP9GPZ0SYC4GS','lock-5','trade:BTCUSDT:BUY:target-19131-5','01M8MJDKM7W8PYP9GPZ0SYC4GS-1','in_doubt','{"witness":"all_orders","asked":"GET /api/v3/allOrders?symbol=BTCUSDT&startTime=1795986678825&limit=1000&recvWindow=1000&timestamp=1795986740828","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M8MJDKJ901ZT9YGY1VTF5H2C-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795986738000,\"updateTime\":1795986738000,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null},{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"clientOrderId\":\"01M8MJDKHP3860C81HEJTRVAHN-1\",\"price\":\"99759.97\",\"origQty\":\"0.00025\",\"executedQty\":\"… (2 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(30,1795986740828,'order.looked','daemon','01M8MJDKM7W8PYP9GPZ0SYC4GS','lock-5','trade:BTCUSDT:BUY:target-19131-5','01M8MJDKM7W8PYP9GPZ0SYC4GS-1','in_doubt','{"witness":"my_trades","asked":"GET /api/v3/myTrades?symbol=BTCUSDT&startTime=1795986678825&limit=100&recvWindow=1000&timestamp=1795986740829","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"id\":\"342252993005723001X1\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"price\":\"95009.5\",\"qty\":\"0.00025\",\"quoteQty\":\"23.752375\",\"commission\":\"0.000000125\",\"commissionAsset\":\"BTC\",\"time\":1795986738000,\"isBuyer\":true,\"isMaker\":false,\"isBestMatch\":true,\"isSelfTrade\":false,\"clientOrderId\":\"01M8MJDKHP3860C81HEJTRVAHN-1\"}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(31,1795986743390,'order.looked','daemon','01M8MJDKM7W8PYP9GPZ0SYC4GS','lock-5','trade:BTCUSDT:BUY:target-19131-5','01M8MJDKM7W8PYP9GPZ0SYC4GS-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MJDKM7W8PYP9GPZ0SYC4GS-1&recvWindow=1000&timestamp=1795986743390","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(32,1795986743391,'order.looked','daemon','01M8MJDKM7W8PYP9GPZ0SYC4GS','lock-5','trade:BTCUSDT:BUY:target-19131-5','01M8MJDKM7W8PYP9GPZ0SYC4GS-1','in_doubt','{"witness":"open_orders","asked":"GET /api/v3/openOrders?symbol=BTCUSDT&recvWindow=1000&timestamp=1795986743392","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M8MJDKJ901ZT9YGY1VTF5H2C-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795986738770,\"updateTime\":null,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(33,1795986743391,'order.looked','daemon','01M8MJDKM7W8PYP9GPZ0SYC4GS','lock-5','trade:BTCUSDT:BUY:target-19131-5','01M8MJDKM7W8PYP9GPZ0SYC4GS-1','in_doubt','{"witness":"all_orders","asked":"GET /api/v3/allOrders?symbol=BTCUSDT&startTime=1795986678825&limit=1000&recvWindow=1000&timestamp=1795986743393","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M8MJDKJ901ZT9YGY1VTF5H2C-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795986738000,\"updateTime\":1795986738000,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null},{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"clientOrderId\":\"01M8MJDKHP3860C81HEJTRVAHN-1\",\"price\":\"99759.97\",\"origQty\":\"0.00025\",\"executedQty\":\"… (2 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(34,1795986743392,'order.looked','daemon','01M8MJDKM7W8PYP9GPZ0SYC4GS','lock-5','trade:BTCUSDT:BUY:target-19131-5','01M8MJDKM7W8PYP9GPZ0SYC4GS-1','in_doubt','{"witness":"my_trades","asked":"GET /api/v3/myTrades?symbol=BTCUSDT&startTime=1795986678825&limit=100&recvWindow=1000&timestamp=1795986743394","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"id\":\"342252993005723001X1\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"price\":\"95009.5\",\"qty\":\"0.00025\",\"quoteQty\":\"23.752375\",\"commission\":\"0.000000125\",\"commissionAsset\":\"BTC\",\"time\":1795986738000,\"isBuyer\":true,\"isMaker\":false,\"isBestMatch\":true,\"isSelfTrade\":false,\"clientOrderId\":\"01M8MJDKHP3860C81HEJTRVAHN-1\"}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(35,1795986743392,'order.lost','daemon','01M8MJDKM7W8PYP9GPZ0SYC4GS','lock-5','trade:BTCUSDT:BUY:target-19131-5','01M8MJDKM7W8PYP9GPZ0SYC4GS-1','lost','{"reason":"not found in 2 complete searches, 4 s after it was sent; compare with the exchange''s own order list for every client order id that begins with 01M8MJDKM7W8PYP9GPZ0SYC4GS-, whatever its number, then rule: sniperd resolve 01M8MJDKM7W8PYP9GPZ0SYC4GS"}');
INSERT INTO "events" VALUES(36,1795986743403,'order.accepted','uid:0','01M8MJDR3BHTSR03SAA4P2G8FP',NULL,'trade:BTCUSDT:BUY:target-19131-6',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-19131-6","key":"target:target-19131-6","priority":5,"deadline_ms":1795990348402,"execute_at_ms":1795990343402}');
INSERT INTO "events" VALUES(37,1795986743408,'order.accepted','uid:0','01M8MJDR3GG4771H7CAEQ75DVV',NULL,'trade:BTCUSDT:BUY:target-19131-7',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-19131-7","key":"target:target-19131-7","priority":5,"deadline_ms":1795990348407,"execute_at_ms":1795990343407}');
INSERT INTO "events" VALUES(38,1795986743411,'order.withdrawn','uid:0','01M8MJDR3GG4771H7CAEQ75DVV',NULL,'trade:BTCUSDT:BUY:target-19131-7',NULL,'withdrawn','{"reason":"cancelled by the caller"}');
INSERT INTO "events" VALUES(39,1795986743421,'order.accepted','uid:0','01M8MJDR3XNT55630A2W8EFKZ2',NULL,'trade:BTCUSDT:BUY:target-19131-8',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-19131-8","key":"target:target-19131-8","priority":5,"deadline_ms":1795986748421,"execute_at_ms":null}');
INSERT INTO "events" VALUES(40,1795986743421,'order.sent','daemon','01M8MJDR3XNT55630A2W8EFKZ2','lock-7','trade:BTCUSDT:BUY:target-19131-8','01M8MJDR3XNT55630A2W8EFKZ2-1','in_flight','{"attempt":1,"token":7,"waited_ms":0}');
INSERT INTO "events" VALUES(41,1795986743424,'order.in_doubt','daemon','01M8MJDR3XNT55630A2W8EFKZ2','lock-7','trade:BTCUSDT:BUY:target-19131-8','01M8MJDR3XNT55630A2W8EFKZ2-1','in_doubt','{"reason":"ServerDisconnectedError: Server disconnected"}');
INSERT INTO "events" VALUES(42,1795986743429,'trading.halted','uid:0',NULL,NULL,NULL,NULL,NULL,'{"reason":"the end of the day"}');
INSERT INTO "events" VALUES(43,1795986743431,'order.looked','daemon','01M8MJDR3XNT55630A2W8EFKZ2','lock-7','trade:BTCUSDT:BUY:target-19131-8','01M8MJDR3XNT55630A2W8EFKZ2-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MJDR3XNT55630A2W8EFKZ2-1&recvWindow=1000&timestamp=1795986743429","answered":"HTTP 503 {\"code\":503,\"msg\":\"execution status unknown\"}","failed":true,"found":false}');
CREATE TABLE facts (
    name              TEXT PRIMARY KEY,     -- halted, clock
    value             TEXT NOT NULL         -- the reason of the halt; the clock's anchor as JSON
) STRICT, WITHOUT ROWID;
INSERT INTO "facts" VALUES('clock','{"boot_id":"dee52863-83ca-48ae-872e-89eb65ae6836","boot_ms":6827402,"unix_ms":1795986738697}');
INSERT INTO "facts" VALUES('halted','the end of the day');
CREATE TABLE orders (
    seq               INTEGER PRIMARY KEY,  -- order of acceptance, from 1
    order_id          TEXT NOT NULL UNIQUE,
    state             TEXT NOT NULL CHECK (state = 'queued' OR state = 'armed' OR state = 'in_flight' OR state = 'in_doubt' OR state = 'open' OR state = 'partially_filled' OR state = 'filled' OR state = 'canceled' OR state = 'partially_canceled' OR state = 'rejected' OR state = 'expired' OR state = 'withdrawn' OR state = 'lost' OR state = 'dead_letter'),
    symbol            TEXT NOT NULL,        -- BTCUSDT
    side              TEXT NOT NULL CHECK (side = 'BUY' OR side = 'SELL'),
    type              TEXT NOT NULL CHECK (type = 'LIMIT' OR type = 'MARKET' OR type = 'LIMIT_MAKER' OR type = 'IMMEDIATE_OR_CANCEL' OR type = 'FILL_OR_KILL'),
    quantity          TEXT,                 -- base units asked
    quote_quantity    TEXT,                 -- quote units asked (MARKET)
    price             TEXT,                 -- quote per base unit; changes once when re-priced to a cap
    last_price        TEXT,                 -- the exchange's at acceptance, where a guard asked for it
    owner_id          TEXT NOT NULL,        -- who asked
    target_id         TEXT,                 -- the bot's snipeTargetId
    resource          TEXT NOT NULL,        -- what its lock is for
    priority          INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 10),  -- 1 is most urgent
    skip_lock         INTEGER NOT NULL CHECK (skip_lock = 0 OR skip_lock = 1),        -- emergency sell
    key               TEXT NOT NULL,        -- idempotency key
    fingerprint       TEXT NOT NULL,        -- SHA-256 of what would be traded
    key_bound         INTEGER NOT NULL CHECK (key_bound = 0 OR key_bound = 1),  -- 1 while no other order can have the key
    key_until_ms      INTEGER,              -- until when a derived key counts against a finished order
    accepted_ms       INTEGER NOT NULL,
    deadline_ms       INTEGER NOT NULL,     -- last instant at which it may be sent
    execute_at_ms     INTEGER,              -- instant at which it is to be sent
    not_before_ms     INTEGER NOT NULL,     -- earliest next attempt
    timeout_ms        INTEGER NOT NULL,     -- lease of its lock
    attempts          INTEGER NOT NULL,     -- requests so far that may have reached the exchange
    repriced          INTEGER NOT NULL CHECK (repriced = 0 OR repriced = 1),
    lock_id           TEXT,                 -- the lock it holds, or held last
    client_order_id   TEXT,                 -- of the last attempt
    sent_ms           INTEGER,              -- of the last attempt
    doubt_ms          INTEGER,              -- since when the outcome is unknown
    exchange_order_id TEXT,                 -- the exchange's id
    executed_quantity TEXT NOT NULL,        -- base units filled, as last seen
    executed_quote    TEXT NOT NULL,        -- quote units filled, as last seen
    seen_ms           INTEGER,              -- when a look-up last told something new
    reason            TEXT,                 -- why it stands where it does
    updated_ms        INTEGER NOT NULL,
    finished_ms       INTEGER               -- since when nothing more is to be done
, asked_quantity TEXT, asked_quote_quantity TEXT, asked_price TEXT, refitted INTEGER NOT NULL DEFAULT 0 CHECK (refitted = 0 OR refitted = 1)) STRICT;
INSERT INTO "orders" VALUES(1,'01M8MJDKHP3860C81HEJTRVAHN','filled','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-19131-1','trade:BTCUSDT:BUY:target-19131-1',5,0,'target:target-19131-1','afb787c37503d469ab1aee6ddf6bc8ba3d9b72dc5fdf69a7da2fda74fc18ad32',1,NULL,1795986738742,1795986743742,NULL,0,30000,1,0,'lock-1','01M8MJDKHP3860C81HEJTRVAHN-1',1795986738742,NULL,'C02__342252993005723000001','0.00025','23.752375',1795986738755,'23.752375 of 25 spent: the exchange places a market buy as a limit order 5 % above the best price, and buys the quantity that its amount pays for at that limit',1795986738755,1795986738755,NULL,NULL,NULL,0);
INSERT INTO "orders" VALUES(2,'01M8MJDKJ901ZT9YGY1VTF5H2C','open','BTCUSDT','BUY','LIMIT','0.001',NULL,'50000',NULL,'bot','target-19131-2','trade:BTCUSDT:BUY:target-19131-2',5,0,'target:target-19131-2','b534783295ca74be483c6da50c4463eaeef3c8d1dd8a929ba9e0fc7551b43137',1,NULL,1795986738761,1795986743761,NULL,0,30000,1,0,'lock-2','01M8MJDKJ901ZT9YGY1VTF5H2C-1',1795986738761,NULL,'C02__342252993005723000002','0','0',1795986738779,NULL,1795986738779,NULL,NULL,NULL,NULL,0);
INSERT INTO "orders" VALUES(3,'01M8MJDKK32A3VDPC5GT9X9C35','rejected','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-19131-3','trade:BTCUSDT:BUY:target-19131-3',5,0,'target:target-19131-3','e24b472e6e23bb09a64ea047f02f5cbc01783380dbb5d4144c27672173c4caf5',0,NULL,1795986738787,1795986743787,NULL,0,30000,1,0,'lock-3','01M8MJDKK32A3VDPC5GT9X9C35-1',1795986738787,NULL,NULL,'0','0',NULL,'refused (30004): Insufficient position',1795986738795,1795986738795,NULL,NULL,NULL,0);
INSERT INTO "orders" VALUES(4,'01M8MJDKKHWZTCQMEG1S84ZEGE','dead_letter','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-19131-4','trade:BTCUSDT:BUY:target-19131-4',5,0,'target:target-19131-4','1ecf084b1d6dd372abf5426937cad3395275af639a54a753d5c04341632c5160',0,NULL,1795986738801,1795986743801,NULL,0,30000,1,0,'lock-4','01M8MJDKKHWZTCQMEG1S84ZEGE-1',1795986738801,NULL,NULL,'0','0',NULL,'refused (30002): The minimum transaction volume cannot be less than:',1795986738812,1795986738812,NULL,NULL,NULL,0);
INSERT INTO "orders" VALUES(5,'01M8MJDKM7W8PYP9GPZ0SYC4GS','lost','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-19131-5','trade:BTCUSDT:BUY:target-19131-5',5,0,'target:target-19131-5','b7e0b2568bd28438273905fa70849cd4be7f79a6011235c6c27a0ae0892550d6',1,NULL,1795986738823,1795986743823,NULL,0,30000,1,0,'lock-5','01M8MJDKM7W8PYP9GPZ0SYC4GS-1',1795986738823,1795986738825,NULL,'0','0',NULL,'not found in 2 complete searches, 4 s after it was sent; compare with the exchange''s own order list for every client order id that begins with 01M8MJDKM7W8PYP9GPZ0SYC4GS-, whatever its number, then rule: sniperd resolve 01M8MJDKM7W8PYP9GPZ0SYC4GS',1795986743392,NULL,NULL,NULL,NULL,0);
INSERT INTO "orders" VALUES(6,'01M8MJDR3BHTSR03SAA4P2G8FP','queued','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-19131-6','trade:BTCUSDT:BUY:target-19131-6',5,0,'target:target-19131-6','ff8435f7af408af2af3edc44c588c22a31e614786bb8d0b3d38bc3d163dd04aa',1,NULL,1795986743403,1795990348402,1795990343402,0,30000,0,0,NULL,NULL,NULL,NULL,NULL,'0','0',NULL,NULL,1795986743403,NULL,NULL,NULL,NULL,0);
INSERT INTO "orders" VALUES(7,'01M8MJDR3GG4771H7CAEQ75DVV','withdrawn','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-19131-7','trade:BTCUSDT:BUY:target-19131-7',5,0,'target:target-19131-7','7d3f06752a1b65ec5012ce6f491595ca0cf41a2fce2b5ca46488163f4a16d764',0,NULL,1795986743408,1795990348407,1795990343407,0,30000,0,0,NULL,NULL,NULL,NULL,NULL,'0','0',NULL,'cancelled by the caller',1795986743411,1795986743411,NULL,NULL,NULL,0);
INSERT INTO "orders" VALUES(8,'01M8MJDR3XNT55630A2W8EFKZ2','in_doubt','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-19131-8','trade:BTCUSDT:BUY:target-19131-8',5,0,'target:target-19131-8','d8be8c5a931660573efd8143f11dd8ca59876326e8af1958a0206f5d7868cfd8',1,NULL,1795986743421,1795986748421,NULL,0,30000,1,0,'lock-7','01M8MJDR3XNT55630A2W8EFKZ2-1',1795986743421,1795986743424,NULL,'0','0',NULL,'ServerDisconnectedError: Server disconnected',1795986743424,NULL,NULL,NULL,NULL,0);
CREATE TABLE retention (
    before_ms         INTEGER NOT NULL      -- what ended before may be removed; there is a row only during a removal
) STRICT;
CREATE TABLE transaction_locks (
    fencing_token     INTEGER PRIMARY KEY,  -- only grows
    lock_id           TEXT NOT NULL GENERATED ALWAYS AS ('lock-' || fencing_token) VIRTUAL,
    resource_id       TEXT NOT NULL,
    idempotency_key   TEXT NOT NULL,        -- of what it is held for
    owner_id          TEXT NOT NULL,
    owner_type        TEXT NOT NULL CHECK (owner_type = 'user' OR owner_type = 'system' OR owner_type = 'workflow'),
    order_id          TEXT,                 -- the order it is held for; NULL for a caller's own lease
    acquired_at       INTEGER NOT NULL,
    expires_at        INTEGER NOT NULL,     -- end of the lease
    released_at       INTEGER,
    status            TEXT NOT NULL CHECK (status = 'active' OR status = 'released' OR status = 'expired' OR status = 'failed'),
    lock_type         TEXT NOT NULL CHECK (lock_type = 'exclusive'),
    transaction_type  TEXT NOT NULL CHECK (transaction_type = 'trade' OR transaction_type = 'cancel' OR transaction_type = 'update'),
    transaction_data  TEXT,                 -- JSON
    max_retries       INTEGER NOT NULL,     -- the bot's column; attempts are counted in orders
    current_retries   INTEGER NOT NULL,
    timeout_ms        INTEGER NOT NULL,     -- length of the lease
    result            TEXT,                 -- JSON
    error_message     TEXT,
    overdue           INTEGER NOT NULL CHECK (overdue = 0 OR overdue = 1),  -- the lease ended with an outcome outstanding
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;
INSERT INTO "transaction_locks" VALUES(1,'trade:BTCUSDT:BUY:target-19131-1','target:target-19131-1','bot','user','01M8MJDKHP3860C81HEJTRVAHN',1795986738742,1795986768742,1795986738745,'released','exclusive','trade',NULL,3,0,30000,'{"orderId":"C02__342252993005723000001","clientOrderId":"01M8MJDKHP3860C81HEJTRVAHN-1","state":"open"}',NULL,0,1795986738742,1795986738745);
INSERT INTO "transaction_locks" VALUES(2,'trade:BTCUSDT:BUY:target-19131-2','target:target-19131-2','bot','user','01M8MJDKJ901ZT9YGY1VTF5H2C',1795986738761,1795986768761,1795986738771,'released','exclusive','trade',NULL,3,0,30000,'{"orderId":"C02__342252993005723000002","clientOrderId":"01M8MJDKJ901ZT9YGY1VTF5H2C-1","state":"open"}',NULL,0,1795986738761,1795986738771);
INSERT INTO "transaction_locks" VALUES(3,'trade:BTCUSDT:BUY:target-19131-3','target:target-19131-3','bot','user','01M8MJDKK32A3VDPC5GT9X9C35',1795986738787,1795986768787,1795986738795,'failed','exclusive','trade',NULL,3,0,30000,NULL,'refused (30004): Insufficient position',0,1795986738787,1795986738795);
INSERT INTO "transaction_locks" VALUES(4,'trade:BTCUSDT:BUY:target-19131-4','target:target-19131-4','bot','user','01M8MJDKKHWZTCQMEG1S84ZEGE',1795986738801,1795986768801,1795986738812,'failed','exclusive','trade',NULL,3,0,30000,NULL,'refused (30002): The minimum transaction volume cannot be less than:',0,1795986738801,1795986738812);
INSERT INTO "transaction_locks" VALUES(5,'trade:BTCUSDT:BUY:target-19131-5','target:target-19131-5','bot','user','01M8MJDKM7W8PYP9GPZ0SYC4GS',1795986738823,1795986768823,NULL,'active','exclusive','trade',NULL,3,0,30000,NULL,NULL,0,1795986738823,1795986738823);
INSERT INTO "transaction_locks" VALUES(6,'wallet:42','wait-01M8MJDR3RP519MGVXQZMFDFNR','bot','user',NULL,1795986743416,1795990343416,NULL,'active','exclusive','trade',NULL,3,0,3600000,NULL,NULL,0,1795986743416,1795986743416);
INSERT INTO "transaction_locks" VALUES(7,'trade:BTCUSDT:BUY:target-19131-8','target:target-19131-8','bot','user','01M8MJDR3XNT55630A2W8EFKZ2',1795986743421,1795986773421,NULL,'active','exclusive','trade',NULL,3,0,30000,NULL,NULL,0,1795986743421,1795986743421);
CREATE TABLE transaction_queue (
    queue_id          TEXT PRIMARY KEY,     -- the order's id, or of who waits for a lease: wait-…
    lock_id           TEXT,                 -- the lock it was served under
    resource_id       TEXT NOT NULL,
    priority          INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 10),
    transaction_type  TEXT NOT NULL CHECK (transaction_type = 'trade' OR transaction_type = 'cancel' OR transaction_type = 'update'),
    transaction_data  TEXT NOT NULL,        -- JSON
    idempotency_key   TEXT NOT NULL,
    status            TEXT NOT NULL CHECK (status = 'pending' OR status = 'processing' OR status = 'completed' OR status = 'failed' OR status = 'cancelled'),
    queued_at         INTEGER NOT NULL,
    processing_started_at INTEGER,
    completed_at      INTEGER,
    result            TEXT,                 -- JSON
    error_message     TEXT,
    attempts          INTEGER NOT NULL,
    owner_id          TEXT NOT NULL,
    owner_type        TEXT NOT NULL CHECK (owner_type = 'user' OR owner_type = 'system' OR owner_type = 'workflow'),
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "transaction_queue" VALUES('01M8MJDR3BHTSR03SAA4P2G8FP',NULL,'trade:BTCUSDT:BUY:target-19131-6',5,'trade','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quoteOrderQty":"25","price":null,"snipeTargetId":"target-19131-6"}','target:target-19131-6','pending',1795986743403,NULL,NULL,NULL,NULL,0,'bot','user',1795986743403,1795986743403);
INSERT INTO "transaction_queue" VALUES('01M8MJDR3GG4771H7CAEQ75DVV',NULL,'trade:BTCUSDT:BUY:target-19131-7',5,'trade','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quoteOrderQty":"25","price":null,"snipeTargetId":"target-19131-7"}','target:target-19131-7','cancelled',1795986743408,NULL,1795986743411,'{"orderId":null,"state":"withdrawn"}',NULL,0,'bot','user',1795986743408,1795986743411);
CREATE UNIQUE INDEX one_order_per_key ON orders (key) WHERE key_bound = 1;
CREATE INDEX orders_unfinished ON orders (seq) WHERE finished_ms IS NULL;
CREATE INDEX orders_set_aside ON orders (seq) WHERE state = 'dead_letter';
CREATE INDEX events_by_order ON events (order_id, event_id) WHERE order_id IS NOT NULL;
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events BEGIN
    SELECT RAISE (ABORT, 'events are append-only');
END;
CREATE UNIQUE INDEX one_active_lock_per_resource ON transaction_locks (resource_id) WHERE status = 'active';
CREATE INDEX leases_by_key ON transaction_locks (idempotency_key) WHERE order_id IS NULL;
CREATE INDEX transaction_locks_finished ON transaction_locks (released_at) WHERE status <> 'active';
CREATE INDEX transaction_queue_pending ON transaction_queue (priority, queued_at) WHERE status = 'pending';
CREATE INDEX transaction_queue_completed ON transaction_queue (completed_at) WHERE completed_at IS NOT NULL;
CREATE TRIGGER events_are_removed_past_retention_only BEFORE DELETE ON events WHEN NOT EXISTS (
    SELECT 1 FROM retention WHERE old.at_ms < before_ms AND NOT EXISTS (
        SELECT 1 FROM orders WHERE order_id = old.order_id AND (finished_ms IS NULL OR finished_ms >= before_ms)))
BEGIN
    SELECT RAISE (ABORT, 'events are append-only');
END;
CREATE TRIGGER orders_are_removed_past_retention_only BEFORE DELETE ON orders WHEN NOT EXISTS (
    SELECT 1 FROM retention WHERE old.finished_ms < before_ms AND (old.key_bound = 0 OR old.key_until_ms < before_ms))
BEGIN
    SELECT RAISE (ABORT, 'an order stays while its key counts');
END;
COMMIT;
PRAGMA application_id = 1936615792;
PRAGMA user_version = 3;
