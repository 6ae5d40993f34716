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
INSERT INTO "attempts" VALUES('01M8MCSB47M9JDQZ52XC2APNP5-1','01M8MCSB47M9JDQZ52XC2APNP5',1,'placed',NULL,1795980831880,1795980831883,NULL,NULL,'C02__342252993005723000001','POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M8MCSB47M9JDQZ52XC2APNP5-1&recvWindow=1000&timestamp=1795980831885','HTTP 200 {"symbol":"BTCUSDT","orderId":"C02__342252993005723000001","orderListId":-1,"price":"99759.97","origQty":"0.00025","type":"MARKET","side":"BUY","transactTime":1795980831883}');
INSERT INTO "attempts" VALUES('01M8MCSB4QVT7Y7EY4HV647FD5-1','01M8MCSB4QVT7Y7EY4HV647FD5',1,'placed','50000',1795980831895,1795980831901,NULL,NULL,'C02__342252993005723000002','POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.001&price=50000&newClientOrderId=01M8MCSB4QVT7Y7EY4HV647FD5-1&recvWindow=1000&timestamp=1795980831901','HTTP 200 {"symbol":"BTCUSDT","orderId":"C02__342252993005723000002","orderListId":-1,"price":"50000","origQty":"0.001","type":"LIMIT","side":"BUY","transactTime":1795980831900}');
INSERT INTO "attempts" VALUES('01M8MCSB5BBG19B5W9J61BN20C-1','01M8MCSB5BBG19B5W9J61BN20C',1,'refused',NULL,1795980831916,1795980831919,'30004','Insufficient position',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M8MCSB5BBG19B5W9J61BN20C-1&recvWindow=1000&timestamp=1795980831921','HTTP 400 {"msg":"Insufficient position","code":30004}');
INSERT INTO "attempts" VALUES('01M8MCSB5MQ6NSKZM0S75XVB9D-1','01M8MCSB5MQ6NSKZM0S75XVB9D',1,'refused',NULL,1795980831924,1795980831926,'30002','The minimum transaction volume cannot be less than:',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M8MCSB5MQ6NSKZM0S75XVB9D-1&recvWindow=1000&timestamp=1795980831929','HTTP 400 {"msg":"The minimum transaction volume cannot be less than:","code":30002}');
INSERT INTO "attempts" VALUES('01M8MCSB5WMF0XK4BC5J3GERHS-1','01M8MCSB5WMF0XK4BC5J3GERHS',1,'unknown',NULL,1795980831932,1795980831935,NULL,'ServerDisconnectedError: Server disconnected',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M8MCSB5WMF0XK4BC5J3GERHS-1&recvWindow=1000&timestamp=1795980831937','');
INSERT INTO "attempts" VALUES('01M8MCSFNP50B88PR7S9Y6RE3W-1','01M8MCSFNP50B88PR7S9Y6RE3W',1,'unknown',NULL,1795980836534,1795980836549,NULL,'ServerDisconnectedError: Server disconnected',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M8MCSFNP50B88PR7S9Y6RE3W-1&recvWindow=1000&timestamp=1795980836549','');
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
INSERT INTO "events" VALUES(1,1795980831879,'order.accepted','uid:0','01M8MCSB47M9JDQZ52XC2APNP5',NULL,'trade:BTCUSDT:BUY:target-20650-1',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-20650-1","key":"derived:85b28d22e18d4af481f31287b0dff1c1e5bd499ebf57d911119fbaceb6f11bcb","priority":5,"deadline_ms":1795980836879,"execute_at_ms":null}');
INSERT INTO "events" VALUES(2,1795980831880,'order.sent','daemon','01M8MCSB47M9JDQZ52XC2APNP5','lock-1','trade:BTCUSDT:BUY:target-20650-1','01M8MCSB47M9JDQZ52XC2APNP5-1','in_flight','{"attempt":1,"token":1,"waited_ms":1}');
INSERT INTO "events" VALUES(3,1795980831883,'order.placed','daemon','01M8MCSB47M9JDQZ52XC2APNP5','lock-1','trade:BTCUSDT:BUY:target-20650-1','01M8MCSB47M9JDQZ52XC2APNP5-1','open','{"exchange_order_id":"C02__342252993005723000001","took_ms":3}');
INSERT INTO "events" VALUES(4,1795980831888,'order.looked','daemon','01M8MCSB47M9JDQZ52XC2APNP5','lock-1','trade:BTCUSDT:BUY:target-20650-1','01M8MCSB47M9JDQZ52XC2APNP5-1','open','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MCSB47M9JDQZ52XC2APNP5-1&recvWindow=1000&timestamp=1795980831889","answered":"HTTP 200 {\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"clientOrderId\":\"01M8MCSB47M9JDQZ52XC2APNP5-1\",\"price\":\"99759.97\",\"origQty\":\"0.00025\",\"executedQty\":\"0.00025\",\"cummulativeQuoteQty\":\"23.752375\",\"status\":\"FILLED\",\"timeInForce\":null,\"type\":\"MARKET\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795980831000,\"updateTime\":1795980831000,\"isWorking\":true,\"origQuoteOrderQty\":\"24.9399925\",\"stpMode\":\"\",\"cancelReason\":null} (1 shown)","failed":false,"found":true}');
INSERT INTO "events" VALUES(5,1795980831888,'order.seen','daemon','01M8MCSB47M9JDQZ52XC2APNP5','lock-1','trade:BTCUSDT:BUY:target-20650-1','01M8MCSB47M9JDQZ52XC2APNP5-1','filled','{"exchange_order_id":"C02__342252993005723000001","executed_quantity":"0.00025","executed_quote":"23.752375","was":"open"}');
INSERT INTO "events" VALUES(6,1795980831895,'order.accepted','uid:0','01M8MCSB4QVT7Y7EY4HV647FD5',NULL,'trade:BTCUSDT:BUY:target-20650-2',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","quantity":"0.001","quote_quantity":null,"price":"50000","owner_id":"bot","target_id":"target-20650-2","key":"derived:8d69e6ba0c4002d27e4a6cab7da6607bbb12b01692c4c4ad85bfb41e95c2ab2f","priority":5,"deadline_ms":1795980836895,"execute_at_ms":null}');
INSERT INTO "events" VALUES(7,1795980831895,'order.sent','daemon','01M8MCSB4QVT7Y7EY4HV647FD5','lock-2','trade:BTCUSDT:BUY:target-20650-2','01M8MCSB4QVT7Y7EY4HV647FD5-1','in_flight','{"attempt":1,"token":2,"waited_ms":0}');
INSERT INTO "events" VALUES(8,1795980831901,'order.placed','daemon','01M8MCSB4QVT7Y7EY4HV647FD5','lock-2','trade:BTCUSDT:BUY:target-20650-2','01M8MCSB4QVT7Y7EY4HV647FD5-1','open','{"exchange_order_id":"C02__342252993005723000002","took_ms":6}');
INSERT INTO "events" VALUES(9,1795980831902,'order.looked','daemon','01M8MCSB4QVT7Y7EY4HV647FD5','lock-2','trade:BTCUSDT:BUY:target-20650-2','01M8MCSB4QVT7Y7EY4HV647FD5-1','open','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MCSB4QVT7Y7EY4HV647FD5-1&recvWindow=1000&timestamp=1795980831905","answered":"HTTP 200 {\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M8MCSB4QVT7Y7EY4HV647FD5-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795980831000,\"updateTime\":1795980831000,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null} (1 shown)","failed":false,"found":true}');
INSERT INTO "events" VALUES(10,1795980831903,'order.seen','daemon','01M8MCSB4QVT7Y7EY4HV647FD5','lock-2','trade:BTCUSDT:BUY:target-20650-2','01M8MCSB4QVT7Y7EY4HV647FD5-1','open','{"exchange_order_id":"C02__342252993005723000002","executed_quantity":"0","executed_quote":"0","was":"open"}');
INSERT INTO "events" VALUES(11,1795980831915,'order.accepted','uid:0','01M8MCSB5BBG19B5W9J61BN20C',NULL,'trade:BTCUSDT:BUY:target-20650-3',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-20650-3","key":"derived:7e275c92d36ab91c8db765c4f6e51f6b547dbdf8cac26e8f0ecb95afd746823b","priority":5,"deadline_ms":1795980836915,"execute_at_ms":null}');
INSERT INTO "events" VALUES(12,1795980831916,'order.sent','daemon','01M8MCSB5BBG19B5W9J61BN20C','lock-3','trade:BTCUSDT:BUY:target-20650-3','01M8MCSB5BBG19B5W9J61BN20C-1','in_flight','{"attempt":1,"token":3,"waited_ms":1}');
INSERT INTO "events" VALUES(13,1795980831919,'order.rejected','daemon','01M8MCSB5BBG19B5W9J61BN20C','lock-3','trade:BTCUSDT:BUY:target-20650-3','01M8MCSB5BBG19B5W9J61BN20C-1','rejected','{"reason":"refused (30004): Insufficient position"}');
INSERT INTO "events" VALUES(14,1795980831924,'order.accepted','uid:0','01M8MCSB5MQ6NSKZM0S75XVB9D',NULL,'trade:BTCUSDT:BUY:target-20650-4',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-20650-4","key":"derived:f26a434b3e845d3a615ef7efd1915712c36da15f727b8921b4dfb40b5806bdd7","priority":5,"deadline_ms":1795980836924,"execute_at_ms":null}');
INSERT INTO "events" VALUES(15,1795980831924,'order.sent','daemon','01M8MCSB5MQ6NSKZM0S75XVB9D','lock-4','trade:BTCUSDT:BUY:target-20650-4','01M8MCSB5MQ6NSKZM0S75XVB9D-1','in_flight','{"attempt":1,"token":4,"waited_ms":0}');
INSERT INTO "events" VALUES(16,1795980831926,'order.dead_letter','daemon','01M8MCSB5MQ6NSKZM0S75XVB9D','lock-4','trade:BTCUSDT:BUY:target-20650-4','01M8MCSB5MQ6NSKZM0S75XVB9D-1','dead_letter','{"reason":"refused (30002): The minimum transaction volume cannot be less than:"}');
INSERT INTO "events" VALUES(17,1795980831932,'order.accepted','uid:0','01M8MCSB5WMF0XK4BC5J3GERHS',NULL,'trade:BTCUSDT:BUY:target-20650-5',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-20650-5","key":"derived:435c193707077e0d1d9d66e2d1f1ab0fc4861920d7bbe355f3267bd24aa3d906","priority":5,"deadline_ms":1795980836932,"execute_at_ms":null}');
INSERT INTO "events" VALUES(18,1795980831932,'order.sent','daemon','01M8MCSB5WMF0XK4BC5J3GERHS','lock-5','trade:BTCUSDT:BUY:target-20650-5','01M8MCSB5WMF0XK4BC5J3GERHS-1','in_flight','{"attempt":1,"token":5,"waited_ms":0}');
INSERT INTO "events" VALUES(19,1795980831935,'order.in_doubt','daemon','01M8MCSB5WMF0XK4BC5J3GERHS','lock-5','trade:BTCUSDT:BUY:target-20650-5','01M8MCSB5WMF0XK4BC5J3GERHS-1','in_doubt','{"reason":"ServerDisconnectedError: Server disconnected"}');
INSERT INTO "events" VALUES(20,1795980831944,'order.looked','daemon','01M8MCSB5WMF0XK4BC5J3GERHS','lock-5','trade:BTCUSDT:BUY:target-20650-5','01M8MCSB5WMF0XK4BC5J3GERHS-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MCSB5WMF0XK4BC5J3GERHS-1&recvWindow=1000&timestamp=1795980831941","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(21,1795980831966,'order.looked','daemon','01M8MCSB5WMF0XK4BC5J3GERHS','lock-5','trade:BTCUSDT:BUY:target-20650-5','01M8MCSB5WMF0XK4BC5J3GERHS-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MCSB5WMF0XK4BC5J3GERHS-1&recvWindow=1000&timestamp=1795980831968","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(22,1795980832008,'order.looked','daemon','01M8MCSB5WMF0XK4BC5J3GERHS','lock-5','trade:BTCUSDT:BUY:target-20650-5','01M8MCSB5WMF0XK4BC5J3GERHS-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MCSB5WMF0XK4BC5J3GERHS-1&recvWindow=1000&timestamp=1795980832009","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(23,1795980832090,'order.looked','daemon','01M8MCSB5WMF0XK4BC5J3GERHS','lock-5','trade:BTCUSDT:BUY:target-20650-5','01M8MCSB5WMF0XK4BC5J3GERHS-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MCSB5WMF0XK4BC5J3GERHS-1&recvWindow=1000&timestamp=1795980832092","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(24,1795980832254,'order.looked','daemon','01M8MCSB5WMF0XK4BC5J3GERHS','lock-5','trade:BTCUSDT:BUY:target-20650-5','01M8MCSB5WMF0XK4BC5J3GERHS-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MCSB5WMF0XK4BC5J3GERHS-1&recvWindow=1000&timestamp=1795980832254","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(25,1795980832579,'order.looked','daemon','01M8MCSB5WMF0XK4BC5J3GERHS','lock-5','trade:BTCUSDT:BUY:target-20650-5','01M8MCSB5WMF0XK4BC5J3GERHS-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MCSB5WMF0XK4BC5J3GERHS-1&recvWindow=1000&timestamp=1795980832580","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(26,1795980833221,'order.looked','daemon','01M8MCSB5WMF0XK4BC5J3GERHS','lock-5','trade:BTCUSDT:BUY:target-20650-5','01M8MCSB5WMF0XK4BC5J3GERHS-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MCSB5WMF0XK4BC5J3GERHS-1&recvWindow=1000&timestamp=1795980833223","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(27,1795980833934,'order.looked','daemon','01M8MCSB5WMF0XK4BC5J3GERHS','lock-5','trade:BTCUSDT:BUY:target-20650-5','01M8MCSB5WMF0XK4BC5J3GERHS-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MCSB5WMF0XK4BC5J3GERHS-1&recvWindow=1000&timestamp=1795980833935","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(28,1795980833935,'order.looked','daemon','01M8MCSB5WMF0XK4BC5J3GERHS','lock-5','trade:BTCUSDT:BUY:target-20650-5','01M8MCSB5WMF0XK4BC5J3GERHS-1','in_doubt','{"witness":"open_orders","asked":"GET /api/v3/openOrders?symbol=BTCUSDT&recvWindow=1000&timestamp=1795980833937","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M8MCSB4QVT7Y7EY4HV647FD5-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795980831900,\"updateTime\":null,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(29,1795980833936,'order.looked','daemon','01M8MCSB5WMF0XK4BC5J3GERHS','lock-5','trade:BTCUSDT:BUY:target-20650-5','01M8MCSB5WMF0XK4BC5J3GERHS-1','in_doubt','{"witness":"all_orders","asked":"GET /api/v3/allOrders?symbol=BTCUSDT&startTime=1795980771935&limit=1000&recvWindow=1000&timestamp=1795980833938","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M8MCSB4QVT7Y7EY4HV647FD5-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795980831000,\"updateTime\":1795980831000,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null},{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"clientOrderId\":\"01M8MCSB47M9JDQZ52XC2APNP5-1\",\"price\":\"99759.97\",\"origQty\":\"0.00025\",\"executedQty\":\"… (2 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(30,1795980833937,'order.looked','daemon','01M8MCSB5WMF0XK4BC5J3GERHS','lock-5','trade:BTCUSDT:BUY:target-20650-5','01M8MCSB5WMF0XK4BC5J3GERHS-1','in_doubt','{"witness":"my_trades","asked":"GET /api/v3/myTrades?symbol=BTCUSDT&startTime=1795980771935&limit=100&recvWindow=1000&timestamp=1795980833939","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"id\":\"342252993005723001X1\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"price\":\"95009.5\",\"qty\":\"0.00025\",\"quoteQty\":\"23.752375\",\"commission\":\"0.000000125\",\"commissionAsset\":\"BTC\",\"time\":1795980831000,\"isBuyer\":true,\"isMaker\":false,\"isBestMatch\":true,\"isSelfTrade\":false,\"clientOrderId\":\"01M8MCSB47M9JDQZ52XC2APNP5-1\"}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(31,1795980836499,'order.looked','daemon','01M8MCSB5WMF0XK4BC5J3GERHS','lock-5','trade:BTCUSDT:BUY:target-20650-5','01M8MCSB5WMF0XK4BC5J3GERHS-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MCSB5WMF0XK4BC5J3GERHS-1&recvWindow=1000&timestamp=1795980836501","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(32,1795980836500,'order.looked','daemon','01M8MCSB5WMF0XK4BC5J3GERHS','lock-5','trade:BTCUSDT:BUY:target-20650-5','01M8MCSB5WMF0XK4BC5J3GERHS-1','in_doubt','{"witness":"open_orders","asked":"GET /api/v3/openOrders?symbol=BTCUSDT&recvWindow=1000&timestamp=1795980836502","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M8MCSB4QVT7Y7EY4HV647FD5-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795980831900,\"updateTime\":null,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(33,1795980836500,'order.looked','daemon','01M8MCSB5WMF0XK4BC5J3GERHS','lock-5','trade:BTCUSDT:BUY:target-20650-5','01M8MCSB5WMF0XK4BC5J3GERHS-1','in_doubt','{"witness":"all_orders","asked":"GET /api/v3/allOrders?symbol=BTCUSDT&startTime=1795980771935&limit=1000&recvWindow=1000&timestamp=1795980836503","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M8MCSB4QVT7Y7EY4HV647FD5-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795980831000,\"updateTime\":1795980831000,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null},{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"clientOrderId\":\"01M8MCSB47M9JDQZ52XC2APNP5-1\",\"price\":\"99759.97\",\"origQty\":\"0.00025\",\"executedQty\":\"… (2 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(34,1795980836506,'order.looked','daemon','01M8MCSB5WMF0XK4BC5J3GERHS','lock-5','trade:BTCUSDT:BUY:target-20650-5','01M8MCSB5WMF0XK4BC5J3GERHS-1','in_doubt','{"witness":"my_trades","asked":"GET /api/v3/myTrades?symbol=BTCUSDT&startTime=1795980771935&limit=100&recvWindow=1000&timestamp=1795980836503","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"id\":\"342252993005723001X1\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"price\":\"95009.5\",\"qty\":\"0.00025\",\"quoteQty\":\"23.752375\",\"commission\":\"0.000000125\",\"commissionAsset\":\"BTC\",\"time\":1795980831000,\"isBuyer\":true,\"isMaker\":false,\"isBestMatch\":true,\"isSelfTrade\":false,\"clientOrderId\":\"01M8MCSB47M9JDQZ52XC2APNP5-1\"}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(35,1795980836506,'order.lost','daemon','01M8MCSB5WMF0XK4BC5J3GERHS','lock-5','trade:BTCUSDT:BUY:target-20650-5','01M8MCSB5WMF0XK4BC5J3GERHS-1','lost','{"reason":"not found in 2 rounds at every witness, 4 s after it was sent; compare with the exchange''s own order list for 01M8MCSB5WMF0XK4BC5J3GERHS-1, then rule: sniperd resolve 01M8MCSB5WMF0XK4BC5J3GERHS"}');
INSERT INTO "events" VALUES(36,1795980836517,'order.accepted','uid:0','01M8MCSFN568CSWY7CH4AQPRA2',NULL,'trade:BTCUSDT:BUY:target-20650-6',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-20650-6","key":"derived:ac16b098601423b0074eac4216fc430539ca1f9e62710982fecf11616422049d","priority":5,"deadline_ms":1795984441517,"execute_at_ms":1795984436517}');
INSERT INTO "events" VALUES(37,1795980836518,'order.accepted','uid:0','01M8MCSFN6B0WNS2EG05ZP0RS4',NULL,'trade:BTCUSDT:BUY:target-20650-7',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-20650-7","key":"derived:efd4182ec06978849beaeb7ef946487c91107afdc931b4d5eea31fd03a464c04","priority":5,"deadline_ms":1795984441519,"execute_at_ms":1795984436519}');
INSERT INTO "events" VALUES(38,1795980836522,'order.withdrawn','uid:0','01M8MCSFN6B0WNS2EG05ZP0RS4',NULL,'trade:BTCUSDT:BUY:target-20650-7',NULL,'withdrawn','{"reason":"cancelled by the caller"}');
INSERT INTO "events" VALUES(39,1795980836534,'order.accepted','uid:0','01M8MCSFNP50B88PR7S9Y6RE3W',NULL,'trade:BTCUSDT:BUY:target-20650-8',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-20650-8","key":"derived:5c8894ee5d01bd059001529e0c40acfa9e2aa676fe9453e35e43b8c3d1627290","priority":5,"deadline_ms":1795980841534,"execute_at_ms":null}');
INSERT INTO "events" VALUES(40,1795980836534,'order.sent','daemon','01M8MCSFNP50B88PR7S9Y6RE3W','lock-7','trade:BTCUSDT:BUY:target-20650-8','01M8MCSFNP50B88PR7S9Y6RE3W-1','in_flight','{"attempt":1,"token":7,"waited_ms":0}');
INSERT INTO "events" VALUES(41,1795980836549,'order.in_doubt','daemon','01M8MCSFNP50B88PR7S9Y6RE3W','lock-7','trade:BTCUSDT:BUY:target-20650-8','01M8MCSFNP50B88PR7S9Y6RE3W-1','in_doubt','{"reason":"ServerDisconnectedError: Server disconnected"}');
INSERT INTO "events" VALUES(42,1795980836551,'order.looked','daemon','01M8MCSFNP50B88PR7S9Y6RE3W','lock-7','trade:BTCUSDT:BUY:target-20650-8','01M8MCSFNP50B88PR7S9Y6RE3W-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MCSFNP50B88PR7S9Y6RE3W-1&recvWindow=1000&timestamp=1795980836553","answered":"HTTP 503 {\"code\":503,\"msg\":\"execution status unknown\"}","failed":true,"found":false}');
INSERT INTO "events" VALUES(43,1795980836553,'trading.halted','uid:0',NULL,NULL,NULL,NULL,NULL,'{"reason":"the end of the day"}');
CREATE TABLE facts (
    name              TEXT PRIMARY KEY,     -- halted, clock
    value             TEXT NOT NULL         -- the reason of the halt; the clock's anchor as JSON
) STRICT, WITHOUT ROWID;
INSERT INTO "facts" VALUES('clock','{"boot_id":"dee52863-83ca-48ae-872e-89eb65ae6836","boot_ms":920551,"unix_ms":1795980831845}');
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
) STRICT;
INSERT INTO "orders" VALUES(1,'01M8MCSB47M9JDQZ52XC2APNP5','filled','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-20650-1','trade:BTCUSDT:BUY:target-20650-1',5,0,'derived:85b28d22e18d4af481f31287b0dff1c1e5bd499ebf57d911119fbaceb6f11bcb','d700c817d52840e3cf52e1dd7f290ad194348a3ce632fded221bef7c1b7a5285',1,NULL,1795980831879,1795980836879,NULL,0,30000,1,0,'lock-1','01M8MCSB47M9JDQZ52XC2APNP5-1',1795980831880,NULL,'C02__342252993005723000001','0.00025','23.752375',1795980831888,NULL,1795980831888,1795980831888);
INSERT INTO "orders" VALUES(2,'01M8MCSB4QVT7Y7EY4HV647FD5','open','BTCUSDT','BUY','LIMIT','0.001',NULL,'50000',NULL,'bot','target-20650-2','trade:BTCUSDT:BUY:target-20650-2',5,0,'derived:8d69e6ba0c4002d27e4a6cab7da6607bbb12b01692c4c4ad85bfb41e95c2ab2f','8a31848f94fb34122d2322a0402c2d80551965474c5d760ef1dea38e88016007',1,NULL,1795980831895,1795980836895,NULL,0,30000,1,0,'lock-2','01M8MCSB4QVT7Y7EY4HV647FD5-1',1795980831895,NULL,'C02__342252993005723000002','0','0',1795980831903,NULL,1795980831903,NULL);
INSERT INTO "orders" VALUES(3,'01M8MCSB5BBG19B5W9J61BN20C','rejected','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-20650-3','trade:BTCUSDT:BUY:target-20650-3',5,0,'derived:7e275c92d36ab91c8db765c4f6e51f6b547dbdf8cac26e8f0ecb95afd746823b','b5b3d595311b1474e4940b071e57aca4c9a8c1e697d74237055b33a106277b67',0,NULL,1795980831915,1795980836915,NULL,0,30000,1,0,'lock-3','01M8MCSB5BBG19B5W9J61BN20C-1',1795980831916,NULL,NULL,'0','0',NULL,'refused (30004): Insufficient position',1795980831919,1795980831919);
INSERT INTO "orders" VALUES(4,'01M8MCSB5MQ6NSKZM0S75XVB9D','dead_letter','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-20650-4','trade:BTCUSDT:BUY:target-20650-4',5,0,'derived:f26a434b3e845d3a615ef7efd1915712c36da15f727b8921b4dfb40b5806bdd7','427c40f0fe98dfdee3f45d252b9b14c49322b5294164af8e05ce2843ec395492',0,NULL,1795980831924,1795980836924,NULL,0,30000,1,0,'lock-4','01M8MCSB5MQ6NSKZM0S75XVB9D-1',1795980831924,NULL,NULL,'0','0',NULL,'refused (30002): The minimum transaction volume cannot be less than:',1795980831926,1795980831926);
INSERT INTO "orders" VALUES(5,'01M8MCSB5WMF0XK4BC5J3GERHS','lost','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-20650-5','trade:BTCUSDT:BUY:target-20650-5',5,0,'derived:435c193707077e0d1d9d66e2d1f1ab0fc4861920d7bbe355f3267bd24aa3d906','77272b5c54dedc586144c3547b1a2fc6fcebc04031a4206342a2f52e2c5382e8',1,NULL,1795980831932,1795980836932,NULL,0,30000,1,0,'lock-5','01M8MCSB5WMF0XK4BC5J3GERHS-1',1795980831932,1795980831935,NULL,'0','0',NULL,'not found in 2 rounds at every witness, 4 s after it was sent; compare with the exchange''s own order list for 01M8MCSB5WMF0XK4BC5J3GERHS-1, then rule: sniperd resolve 01M8MCSB5WMF0XK4BC5J3GERHS',1795980836506,NULL);
INSERT INTO "orders" VALUES(6,'01M8MCSFN568CSWY7CH4AQPRA2','queued','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-20650-6','trade:BTCUSDT:BUY:target-20650-6',5,0,'derived:ac16b098601423b0074eac4216fc430539ca1f9e62710982fecf11616422049d','a9cd598d96c006728b2084545c0133a67430753c9c46fa1d34796e3fc77c7797',1,NULL,1795980836517,1795984441517,1795984436517,0,30000,0,0,NULL,NULL,NULL,NULL,NULL,'0','0',NULL,NULL,1795980836517,NULL);
INSERT INTO "orders" VALUES(7,'01M8MCSFN6B0WNS2EG05ZP0RS4','withdrawn','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-20650-7','trade:BTCUSDT:BUY:target-20650-7',5,0,'derived:efd4182ec06978849beaeb7ef946487c91107afdc931b4d5eea31fd03a464c04','e47394c115f94eaa76ed42644a4886fcfef0c53e381405082784427f71a5f3d6',0,NULL,1795980836518,1795984441519,1795984436519,0,30000,0,0,NULL,NULL,NULL,NULL,NULL,'0','0',NULL,'cancelled by the caller',1795980836522,1795980836522);
INSERT INTO "orders" VALUES(8,'01M8MCSFNP50B88PR7S9Y6RE3W','in_doubt','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-20650-8','trade:BTCUSDT:BUY:target-20650-8',5,0,'derived:5c8894ee5d01bd059001529e0c40acfa9e2aa676fe9453e35e43b8c3d1627290','75e4381fe1f850e5466b33c14705e9fd267eb15f6599dd11436c2ca543967949',1,NULL,1795980836534,1795980841534,NULL,0,30000,1,0,'lock-7','01M8MCSFNP50B88PR7S9Y6RE3W-1',1795980836534,1795980836549,NULL,'0','0',NULL,'ServerDisconnectedError: Server disconnected',1795980836549,NULL);
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
INSERT INTO "transaction_locks" VALUES(1,'trade:BTCUSDT:BUY:target-20650-1','derived:85b28d22e18d4af481f31287b0dff1c1e5bd499ebf57d911119fbaceb6f11bcb','bot','user','01M8MCSB47M9JDQZ52XC2APNP5',1795980831880,1795980861880,1795980831883,'released','exclusive','trade',NULL,3,0,30000,'{"orderId":"C02__342252993005723000001","clientOrderId":"01M8MCSB47M9JDQZ52XC2APNP5-1","state":"open"}',NULL,0,1795980831880,1795980831883);
INSERT INTO "transaction_locks" VALUES(2,'trade:BTCUSDT:BUY:target-20650-2','derived:8d69e6ba0c4002d27e4a6cab7da6607bbb12b01692c4c4ad85bfb41e95c2ab2f','bot','user','01M8MCSB4QVT7Y7EY4HV647FD5',1795980831895,1795980861895,1795980831901,'released','exclusive','trade',NULL,3,0,30000,'{"orderId":"C02__342252993005723000002","clientOrderId":"01M8MCSB4QVT7Y7EY4HV647FD5-1","state":"open"}',NULL,0,1795980831895,1795980831901);
INSERT INTO "transaction_locks" VALUES(3,'trade:BTCUSDT:BUY:target-20650-3','derived:7e275c92d36ab91c8db765c4f6e51f6b547dbdf8cac26e8f0ecb95afd746823b','bot','user','01M8MCSB5BBG19B5W9J61BN20C',1795980831916,1795980861916,1795980831919,'failed','exclusive','trade',NULL,3,0,30000,NULL,'refused (30004): Insufficient position',0,1795980831916,1795980831919);
INSERT INTO "transaction_locks" VALUES(4,'trade:BTCUSDT:BUY:target-20650-4','derived:f26a434b3e845d3a615ef7efd1915712c36da15f727b8921b4dfb40b5806bdd7','bot','user','01M8MCSB5MQ6NSKZM0S75XVB9D',1795980831924,1795980861924,1795980831926,'failed','exclusive','trade',NULL,3,0,30000,NULL,'refused (30002): The minimum transaction volume cannot be less than:',0,1795980831924,1795980831926);
INSERT INTO "transaction_locks" VALUES(5,'trade:BTCUSDT:BUY:target-20650-5','derived:435c193707077e0d1d9d66e2d1f1ab0fc4861920d7bbe355f3267bd24aa3d906','bot','user','01M8MCSB5WMF0XK4BC5J3GERHS',1795980831932,1795980861932,NULL,'active','exclusive','trade',NULL,3,0,30000,NULL,NULL,0,1795980831932,1795980831932);
INSERT INTO "transaction_locks" VALUES(6,'wallet:42','wait-01M8MCSFNKWJ40J7S0K8AX37TB','bot','user',NULL,1795980836531,1795984436531,NULL,'active','exclusive','trade',NULL,3,0,3600000,NULL,NULL,0,1795980836531,1795980836531);
INSERT INTO "transaction_locks" VALUES(7,'trade:BTCUSDT:BUY:target-20650-8','derived:5c8894ee5d01bd059001529e0c40acfa9e2aa676fe9453e35e43b8c3d1627290','bot','user','01M8MCSFNP50B88PR7S9Y6RE3W',1795980836534,1795980866534,NULL,'active','exclusive','trade',NULL,3,0,30000,NULL,NULL,0,1795980836534,1795980836534);
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
INSERT INTO "transaction_queue" VALUES('01M8MCSFN568CSWY7CH4AQPRA2',NULL,'trade:BTCUSDT:BUY:target-20650-6',5,'trade','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quoteOrderQty":"25","price":null,"snipeTargetId":"target-20650-6"}','derived:ac16b098601423b0074eac4216fc430539ca1f9e62710982fecf11616422049d','pending',1795980836517,NULL,NULL,NULL,NULL,0,'bot','user',1795980836517,1795980836517);
INSERT INTO "transaction_queue" VALUES('01M8MCSFN6B0WNS2EG05ZP0RS4',NULL,'trade:BTCUSDT:BUY:target-20650-7',5,'trade','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quoteOrderQty":"25","price":null,"snipeTargetId":"target-20650-7"}','derived:efd4182ec06978849beaeb7ef946487c91107afdc931b4d5eea31fd03a464c04','cancelled',1795980836518,NULL,1795980836522,'{"orderId":null,"state":"withdrawn"}',NULL,0,'bot','user',1795980836518,1795980836522);
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
