"""The only definition of the tables' schema: Arrow schema, conforming and docs derive from it.

STRUCTS: a name, then its fields as ``names: type``. A type is ``string``, ``bigint``, ``double``,
``boolean``, ``map`` (of text to text), another struct's name, or one of these with ``[]`` for a
list; ``...NAME`` stands for all fields of that struct. Field names are spelled as in the source.

COLUMNS: source field, type, confidence (certain: seen in code, documentation or a real row;
likely; guess), meaning. A column's name is its source field in lower case; the order is the
table's. Documents spell names in any case.
"""

from __future__ import annotations

ONLY_IN_FULFILLMENT = ("MarketPlacePaymentReferenceValue", "IsCreatedAsync")

STRUCTS = """
    NAMED
        id name: string
    DIMENSION
        cubicweight height length weight width: double
    CATEGORY
        id: bigint
        name: string
    ADDITIONAL_INFO
        brandName brandId: string
        dimension: DIMENSION
        categoriesIds: string
        categories: CATEGORY[]
        productClusterId commercialConditionId offeringInfo offeringType offeringTypeId: string
    PRICE_TAG
        name: string
        value: bigint
        rawValue: double
        isPercentual: boolean
        identifier: string
        rate: double
        jurisCode jurisType jurisName: string
    PRODUCT
        uniqueId id sellerSku productId productRefId refId ean lockId name skuName merchantName
            modalType availability seller: string
        sellerChain: string[]
        quantity: bigint
        measurementUnit: string
        unitMultiplier: double
        price listPrice manualPrice: bigint
        manualPriceAppliedBy: string
        sellerPrice sellingPrice virtualSellingPrice: bigint
        priceValidUntil priceTable: string
        tax: bigint
        taxCode: string
        rewardValue commission freightCommission: bigint
        isGift isMarketPlaceGift hasStockBalanceControl hasShippingSimulation: boolean
        preSaleDate callCenterOperator catalogProvider manufacturerCode: string
        parentItemIndex: bigint
        parentAssemblyBinding productCategoryIds: string
        productCategories: NAMED[]
        additionalInfo: ADDITIONAL_INFO
        priceTags virtualPriceTags: PRICE_TAG[]
        imageUrl detailUrl: string
    BUNDLE_ITEM
        ...PRODUCT
        type: string
    OFFERING
        id name type: string
        price commission: bigint
    ASSEMBLY
        id: string
        inputValues: map
    SELLING_PRICE
        value quantity: bigint
    PRICE_DEFINITION
        calculatedSellingPrice total: bigint
        reason: string
        sellingPrices: SELLING_PRICE[]
    ITEM
        ...PRODUCT
        components: PRODUCT[]
        bundleItems: BUNDLE_ITEM[]
        offerings: OFFERING[]
        assemblies: ASSEMBLY[]
        priceDefinition: PRICE_DEFINITION
    TOTAL
        id name: string
        value: bigint
    ADDRESS
        addressType receiverName addressId: string
        isDisposable: boolean
        versionId entityId postalCode city state country street number neighborhood complement
            reference: string
        geoCoordinates: double[]
    DELIVERY_ID
        courierId warehouseId dockId courierName: string
        quantity: bigint
        accountCarrierName: string
        totalListPrice: bigint
        carrierSchedules kitItemDetails: string[]
    DELIVERY_WINDOW
        startDateUtc endDateUtc: string
        price listPrice tax: bigint
    PICKUP_STORE
        isPickupStore: boolean
        friendlyName: string
        address: ADDRESS
        additionalInfo dockId: string
    SLA
        id name deliveryChannel: string
        deliveryIds: DELIVERY_ID[]
        shippingEstimate originalShippingEstimate shippingEstimateDate lockTTL deliveryCompany:
            string
        availableDeliveryWindows: DELIVERY_WINDOW[]
        deliveryWindow: DELIVERY_WINDOW
        price listPrice tax: bigint
        pickupStoreInfo: PICKUP_STORE
        pickupPointId: string
        pickupDistance: double
        polygonName transitTime: string
    DELIVERY_CHANNEL
        id: string
        stockBalance: bigint
    LOGISTICS
        itemIndex: bigint
        itemId selectedSla selectedDeliveryChannel addressId versionId entityId: string
        slas: SLA[]
        shipsTo: string[]
        stockBalance: bigint
        deliveryChannels: DELIVERY_CHANNEL[]
        lockTTL: string
        price listPrice sellingPrice: bigint
        deliveryWindow: DELIVERY_WINDOW
        deliveryCompany shippingEstimate shippingEstimateDate: string
        deliveryIds: DELIVERY_ID[]
        deliveryChannel: string
        pickupStoreInfo: PICKUP_STORE
        pickupPointId polygonName transitTime: string
    TRACKING_HINT
        courierName trackingId trackingLabel trackingUrl: string
    BUSINESS_HOURS
        dayOfWeek: bigint
        openingTime closingTime: string
    PICKUP_POINT
        id friendlyName: string
        address: ADDRESS
        additionalInfo: string
        businessHours: BUSINESS_HOURS[]
    SHIPPING
        id: string
        address: ADDRESS
        availableAddresses selectedAddresses: ADDRESS[]
        logisticsInfo: LOGISTICS[]
        trackingHints: TRACKING_HINT[]
        pickupPoints: PICKUP_POINT[]
    CLIENT_PROFILE
        id email firstName lastName documentType document phone corporateName tradeName
            corporateDocument stateInscription corporatePhone: string
        isCorporate: boolean
        userProfileId userProfileVersion: string
        profileCompleteOnLoading profileErrorOnLoading: boolean
        customerClass customerCode: string
    CLIENT_PREFERENCES
        id locale: string
        optinNewsLetter: boolean
    MARKETING
        id utmSource utmMedium utmCampaign utmPartner utmiPage utmiPart utmiCampaign coupon: string
        marketingTags: string[]
    BENEFIT
        id name: string
        featured: boolean
        description: string
    PARAMETER
        name value: string
    CONDITIONS
        parameters: PARAMETER[]
        minimumQuantity: bigint
    EFFECTS
        parameters: PARAMETER[]
    TEASER
        featured: boolean
        id name: string
        conditions: CONDITIONS
        effects: EFFECTS
        teaserType: string
    RATES_AND_BENEFITS
        id: string
        rateAndBenefitsIdentifiers: BENEFIT[]
        teasers teaser: TEASER[]
    TEMPLATE_OPTIONS
        toogleCorporate: boolean
    CURRENCY_FORMAT
        currencyDecimalDigits: bigint
        currencyDecimalSeparator currencyGroupSeparator: string
        currencyGroupSize: bigint
        startsWithCurrencySymbol: boolean
    STORE_PREFERENCES
        countryCode: string
        saveUserData: boolean
        templateOptions: TEMPLATE_OPTIONS
        timeZone currencyCode: string
        currencyLocale: bigint
        currencySymbol: string
        currencyFormatInfo: CURRENCY_FORMAT
    SELLER
        id name logo: string
        allowHybridPayments: boolean
        fulfillmentEndpoint merchantName subSellerId: string
        minimumOrderValue: bigint
    RECEIPT
        instanceId orderId sellerOrderId receiptType date receipt receiptToken source invoiceNumber
            transactionId merchantName: string
        value valueAsInt: bigint
    RECEIPTS
        id: string
        receiptCollection: RECEIPT[]
    GIFT_REGISTRY
        giftRegistryId giftRegistryType giftRegistryTypeName: string
    OPEN_TEXT
        value: string
    GIFT_CARD
        id redemptionCode name caption provider groupName: string
        value balance: bigint
        inUse isSpecialCard: boolean
    PAYMENT
        id paymentSystem paymentSystemName group: string
        value installments referenceValue: bigint
        bin accountId parentAccountId tokenId firstDigits lastDigits giftCardId giftCardName
            giftCardCaption giftCardProvider giftCardAsDiscount redemptionCode tid dueDate url
            bankIssuedInvoiceIdentificationNumber bankIssuedInvoiceIdentificationNumberFormatted
            bankIssuedInvoiceBarCodeNumber bankIssuedInvoiceBarCodeType: string
    TRANSACTION
        isActive: boolean
        transactionId merchantName: string
        payments: PAYMENT[]
        sharedTransaction: boolean
    PAYMENTS
        id updateStatus: string
        giftCards: GIFT_CARD[]
        transactions: TRANSACTION[]
        payments: PAYMENT[]
    ITEM_METADATA_ITEM
        id seller name skuName productId refId ean imageUrl detailUrl: string
    ITEM_METADATA
        items: ITEM_METADATA_ITEM[]
    INVOICE
        address: ADDRESS
        userPaymentInfo: string
    CONTEXT
        loggedIn hasAccessToOrderFormEnabledByLicenseManager: boolean
        userAgent userId: string
    CALL_CENTER_OPERATOR
        id email userName: string
"""

COLUMNS = """
Id                               string               certain order id; never a number
InstanceId                       string               certain the account: 32 upper-case hex digits
CreationDate                     string               certain kept as written
LastChange                       string               certain kept as written; may be missing
CreationEnvironment              string               certain for example STABLE
CreationVersion                  string               certain dotted version
LastChangeVersion                string               certain dotted version, not a date
OrderFormId                      string               certain 32 lower-case hex digits
OrderGroup                       string               certain all digits, still text
SellerOrderId                    string               certain "00-<Id>" or "<affiliate>-<Id>"
SellerCancellationId             string               certain a UUID
HostName                         string               certain account name
FollowUpEmail                    string               certain an alias; personal
SalesChannel                     string               certain digits, still text
Sequence                         string               certain digits, still text
Status                           string               certain
StatusDescription                string               certain
WorkflowInstanceId               string               certain 32 upper-case hex digits
AffiliateId                      string               certain empty or three letters
CallCenterOperator               string               certain
MarketPlaceOrderId               string               certain may be all digits or begin with zeros
MarketPlaceOrderId_AffiliateId   string               certain key of a secondary index
MarketPlaceCancellationId        string               certain
MarketPlacePaymentValue          bigint               certain cents
MarketplaceServicesEndPoint      string               certain a URL; note the spelling Marketplace
MerchantPaymentReferenceId       string               certain
IsCompleted                      boolean              certain
IgnoreProfileData                boolean              certain
IsToSavePersonData               boolean              certain
Items                            ITEM[]               certain productCategories become a list
Totalizations                    TOTAL[]              certain older name of Totals
VirtualTotalizations             TOTAL[]              certain
Totals                           TOTAL[]              likely  newer Totalizations; both may exist
ShippingData                     SHIPPING             certain personal
ClientProfileData                CLIENT_PROFILE       certain personal
ClientPreferencesData            CLIENT_PREFERENCES   certain
MarketingData                    MARKETING            certain later utmipage for utmiPage
RatesAndBenefitsData             RATES_AND_BENEFITS   certain later teaser for teasers; both kept
StorePreferences                 STORE_PREFERENCES    certain older name
StorePreferencesData             STORE_PREFERENCES    likely  newer name
Sellers                          SELLER[]             certain
ReceiptData                      RECEIPTS             certain later receiptToken for receipt
TransactionsPendingOperation     string[]             certain each element as its text
GiftRegistryData                 GIFT_REGISTRY        certain
ChangeData                       string               certain JSON text of unknown shape
OpenTextField                    OPEN_TEXT            certain what the customer wrote; personal
PaymentData                      PAYMENTS             likely  without card data, see Redaction
ItemMetadata                     ITEM_METADATA        certain
OrderId                          string               likely  twin of Id
State                            string               likely
IsCheckedIn                      boolean              likely
StoreId                          string               likely
CheckedInPickupPointId           string               likely
Value                            bigint               likely  cents
InvoiceData                      INVOICE              likely
TaxData                          string               likely  JSON text
HooksData                        string               likely  JSON text
SubscriptionData                 string               likely  JSON text
ContextData                      CONTEXT              likely
UserType                         string               likely
UserProfileId                    string               likely
MerchantName                     string               likely
RoundingError                    bigint               likely
AllowEdition                     boolean              likely
AllowCancellation                boolean              likely
AllowChangeSeller                boolean              likely
IsUserDataVisible                boolean              likely
TimeZoneCreationDate             string               likely  local time without offset
TimeZoneLastChange               string               likely  local time without offset
OrderFormCreationDate            string               likely
MarketPlaceOrderGroup            string               likely
CallCenterOperatorData           CALL_CENTER_OPERATOR guess   personal
CancellationReason               string               guess
Origin                           string               guess
MarketPlacePaymentReferenceValue bigint               guess   only in fulfillment
IsCreatedAsync                   boolean              guess   only in fulfillment
CustomData                       string               certain JSON text: its shape varies
CommercialConditionData          string               certain JSON text: its shape varies
"""
